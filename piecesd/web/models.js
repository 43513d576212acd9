// The models and their limits. Where a key is asked for, they are, too.

const modelListeners = [];

let models = [];

/** Have `listener` called when the models are known. */
function onModels(listener) {
  modelListeners.push(listener);
}

async function listModels() {
  const hint = byId("models-hint");
  const error = byId("key-error");
  showOrHide(error, "");
  if (ASKS_KEY && !key) {
    setText(hint, "models_key");
    return;
  }
  setText(hint, "looking");
  try {
    models = (await (await askApi("models")).json()).data;
    setText(hint, "models_hint");
  } catch (failure) {
    models = [];
    setText(hint, "models_key");
    const shown = ASKS_KEY ? error : hint;
    delete shown.dataset.text;
    showOrHide(shown, told(failure));
  }
  byId("model-rows").replaceChildren(...models.map(modelRow));
  modelListeners.forEach((listener) => listener());
}

function modelRow(model) {
  const link = make("a", { href: "#playground" }, make("code", {}, model.id));
  link.addEventListener("click", () => chooseModel(model.id));
  const limit = (tokens) => make("td", { className: "number" }, tokens.toLocaleString("en"));
  return make("tr", {}, make("th", { scope: "row" }, link), make("td", {}, model.owned_by), limit(model.context_length), limit(model.max_input_tokens), limit(model.max_output_tokens));
}

function chooseModel(id) {
  const select = byId("model");
  select.value = id;
  select.dispatchEvent(new Event("change"));
}

function startModels() {
  const input = byId("key");
  byId("key-card").hidden = !ASKS_KEY;
  input.addEventListener("input", () => {
    key = input.value.trim();
  });
  byId("use-key").addEventListener("click", listModels);
  input.addEventListener("keydown", (event) => event.key === "Enter" && listModels());
  onModels(() => {
    const select = byId("model");
    const chosen = select.value;
    select.replaceChildren(...models.map((model) => make("option", { value: model.id }, model.id)));
    if (models.length) {
      chooseModel((models.find((model) => [chosen, "gpt-4o"].includes(model.id)) ?? models[0]).id);
    }
  });
  listModels();
}
