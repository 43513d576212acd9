// Where it all begins.

function startAddress() {
  byId("base-url").textContent = BASE_URL;
  byId("copy-base-url").addEventListener("click", (event) => copy(BASE_URL, event.currentTarget));
}

startLanguage();
startAddress();
startSnippets();
startStatus();
startPlayground();
startModels();
