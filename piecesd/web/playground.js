// A conversation with a model, streamed.

function startPlayground() {
  const conversation = [];
  let running = null;

  const submit = async (event) => {
    event.preventDefault();
    const text = byId("message").value.trim();
    if (!text || running || !(await hasModels())) {
      return;
    }
    running = new AbortController();
    byId("message").value = "";
    showRunning(true);
    await takeTurn(conversation, text, running.signal);
    running = null;
    showRunning(false);
  };
  const clear = () => {
    running?.abort();
    conversation.length = 0;
    byId("messages").replaceChildren();
    byId("welcome").hidden = false;
    showOrHide(byId("chat-error"), "");
    showUsage("");
  };

  byId("ask").addEventListener("submit", submit);
  byId("message").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      byId("ask").requestSubmit();
    }
  });
  byId("stop").addEventListener("click", () => running?.abort());
  byId("clear").addEventListener("click", clear);
  const temperature = byId("temperature");
  temperature.addEventListener("input", () => {
    byId("temperature-shown").textContent = Number(temperature.value).toFixed(1);
  });
  byId("model").addEventListener("change", (event) => {
    const model = models.find((each) => each.id === event.target.value);
    temperature.disabled = !model.supported_parameters.includes("temperature");
  });
}

/** Whether there is a model to ask; where a key is missing, that is asked for first. */
async function hasModels() {
  if (!models.length) {
    await listModels();
  }
  if (!models.length && ASKS_KEY) {
    byId("key").focus();
  } else if (!models.length) {
    showOrHide(byId("chat-error"), byId("models-hint").textContent);
  }
  return models.length > 0;
}

/** Ask `text` and show the answer as it comes. A turn without any of it is taken back. */
async function takeTurn(conversation, text, signal) {
  showOrHide(byId("chat-error"), "");
  const question = showMessage("question", text);
  const answer = showMessage("answer_from", "");
  const began = { model: byId("model").value, at: performance.now() };
  const messages = [...conversation, { role: "user", content: text }];
  try {
    showUsage(await streamAnswer(began, messages, answer, signal));
  } catch (failure) {
    if (signal.aborted) {
      showUsage(say("stopped"));
    } else {
      showUsage("");
      showOrHide(byId("chat-error"), told(failure));
    }
  }
  answer.item.removeAttribute("aria-busy");
  if (answer.text.textContent && question.item.isConnected) {
    conversation.push(...messages.slice(-1), { role: "assistant", content: answer.text.textContent });
  } else {
    takeBack(question, answer, text);
  }
}

/** Write the answer piece by piece; returns what it came to, in words. */
async function streamAnswer(began, messages, answer, signal) {
  setText(byId("usage"), "writing");
  const response = await askApi("chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(chatRequest(began.model, messages)),
    signal,
  });
  let firstAt = null;
  let usage = null;
  for await (const chunk of chunksOf(response)) {
    usage = chunk.usage ?? usage;
    const piece = chunk.choices[0]?.delta.content;
    if (piece) {
      firstAt ??= performance.now();
      appendPiece(answer, piece);
    }
  }
  const since = (moment) => ((moment - began.at) / 1000).toFixed(2);
  return say("usage", {
    input: usage.prompt_tokens,
    output: usage.completion_tokens,
    first: since(firstAt ?? performance.now()),
    seconds: since(performance.now()),
  });
}

function chatRequest(model, messages) {
  const system = byId("system").value.trim();
  const temperature = byId("temperature");
  return {
    model,
    messages: system ? [{ role: "system", content: system }, ...messages] : messages,
    ...(temperature.disabled ? {} : { temperature: Number(temperature.value) }),
    stream: true,
    stream_options: { include_usage: true },
  };
}

function showMessage(who, text) {
  const name = make("span", { className: "who" });
  setText(name, who);
  if (who === "answer_from") {
    delete name.dataset.text;
    name.textContent = byId("model").value;
  }
  const shown = make("p", {}, text);
  const item = make("li", { className: who }, name, shown);
  if (!text) {
    item.setAttribute("aria-busy", "true");
  }
  byId("welcome").hidden = true;
  byId("messages").append(item);
  item.scrollIntoView({ block: "nearest" });
  return { item, text: shown };
}

function appendPiece(answer, piece) {
  const list = byId("messages");
  const followed = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  answer.text.append(piece);
  if (followed) {
    list.scrollTop = list.scrollHeight;
  }
}

function takeBack(question, answer, text) {
  question.item.remove();
  answer.item.remove();
  byId("message").value ||= text;
  byId("welcome").hidden = byId("messages").childElementCount > 0;
}

function showRunning(isRunning) {
  byId("send").hidden = isRunning;
  byId("stop").hidden = !isRunning;
  (isRunning ? byId("stop") : byId("message")).focus({ preventScroll: true });
}

function showUsage(text) {
  const usage = byId("usage");
  delete usage.dataset.text;
  usage.textContent = text;
}
