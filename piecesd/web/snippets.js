// How to reach this daemon from elsewhere, ready to be copied.

const SNIPPETS = [
  { name: "curl", needs: "chat/completions", text: curlSnippet },
  { name: "Python", needs: "chat/completions", text: pythonSnippet },
  { name: "Node.js", needs: "chat/completions", text: nodeSnippet },
  { name: "Anthropic", needs: "messages", text: anthropicSnippet },
  { name: "LangChain", needs: "chat/completions", text: langchainSnippet },
  { name: "Open WebUI", needs: "chat/completions", text: webuiSnippet },
  { name: "Continue", needs: "chat/completions", text: continueSnippet },
  { name: "Cline", needs: "chat/completions", text: clineSnippet },
];

const SHOWN_KEY = ASKS_KEY ? "KEY" : "none";

function curlSnippet(model) {
  const authorization = ASKS_KEY ? `\n  -H 'Authorization: Bearer ${SHOWN_KEY}' \\` : "";
  return `curl -N ${BASE_URL}/chat/completions \\${authorization}
  -H 'Content-Type: application/json' \\
  -d '{"model": "${model}", "stream": true,
       "messages": [{"role": "user", "content": "Hello!"}]}'`;
}

function pythonSnippet(model) {
  return `# pip install openai
from openai import OpenAI

client = OpenAI(base_url="${BASE_URL}", api_key="${SHOWN_KEY}")
stream = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Hello!"}],
    stream=True,
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="", flush=True)`;
}

function nodeSnippet(model) {
  return `// npm install openai
import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${BASE_URL}", apiKey: "${SHOWN_KEY}" });
const stream = await client.chat.completions.create({
  model: "${model}",
  messages: [{ role: "user", content: "Hello!" }],
  stream: true,
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}`;
}

function anthropicSnippet(model) {
  return `# pip install anthropic
from anthropic import Anthropic

client = Anthropic(base_url="${ROOT}/anthropic", api_key="${SHOWN_KEY}")
with client.messages.stream(
    model="${model}",
    max_tokens=1024,
    messages=[{"role": "user", "content": "Hello!"}],
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)`;
}

function langchainSnippet(model) {
  return `# pip install langchain-openai
from langchain_openai import ChatOpenAI

model = ChatOpenAI(base_url="${BASE_URL}", api_key="${SHOWN_KEY}", model="${model}")
for piece in model.stream("Hello!"):
    print(piece.content, end="", flush=True)`;
}

function webuiSnippet() {
  return `# pip install open-webui
OPENAI_API_BASE_URL=${BASE_URL} OPENAI_API_KEY=${SHOWN_KEY} \\
  open-webui serve`;
}

function continueSnippet(model) {
  return `# ~/.continue/config.yaml
name: piecesd
version: 1.0.0
schema: v1
models:
  - name: ${model}
    provider: openai
    model: ${model}
    apiBase: ${BASE_URL}
    apiKey: ${SHOWN_KEY}
    roles: [chat, edit]`;
}

function clineSnippet(model) {
  return `API Provider   OpenAI Compatible
Base URL       ${BASE_URL}
API Key        ${SHOWN_KEY}
Model ID       ${model}`;
}

function startSnippets() {
  const served = SNIPPETS.filter((each) => SERVED_PATHS.includes(each.needs));
  const tabs = served.map((each, index) =>
    make("button", { type: "button", id: `tab-${index}`, role: "tab" }, each.name),
  );
  let chosen = 0;
  const show = () => {
    tabs.forEach((tab, index) => {
      tab.setAttribute("aria-selected", String(index === chosen));
      tab.setAttribute("aria-controls", "snippet-panel");
      tab.tabIndex = index === chosen ? 0 : -1;
    });
    byId("snippet-panel").setAttribute("aria-labelledby", tabs[chosen].id);
    byId("snippet").textContent = served[chosen].text(byId("model").value || "gpt-4o");
  };
  const choose = (index) => {
    chosen = index;
    show();
  };
  tabs.forEach((tab, index) => tab.addEventListener("click", () => choose(index)));
  byId("tabs").append(...tabs);
  byId("tabs").addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (move) {
      choose((chosen + move + tabs.length) % tabs.length);
      tabs[chosen].focus();
    }
  });
  byId("model").addEventListener("change", show);
  byId("copy-snippet").addEventListener("click", (event) => copy(byId("snippet").textContent, event.currentTarget));
  if (ASKS_KEY) {
    setText(byId("connect-hint"), "connect_key");
  }
  show();
}
