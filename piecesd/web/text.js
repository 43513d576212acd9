// The page's words, in the language that is chosen now.

const TEXTS = JSON.parse(document.getElementById("texts").textContent);
const TAGS = { en: "en", zh: "zh-Hans" };
const languageListeners = [];

let language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";

/** The text of that name, with `values` in its {places}. */
function say(name, values = {}) {
  return TEXTS[language][name].replace(/\{(\w+)\}/g, (_, place) => values[place]);
}

/** Have `listener` called when the language has changed. */
function onLanguage(listener) {
  languageListeners.push(listener);
}

/** Give an element the text of that name, in each language from now on. */
function setText(element, name) {
  element.dataset.text = name;
  element.textContent = say(name);
}

function changeLanguage() {
  language = language === "en" ? "zh" : "en";
  document.documentElement.lang = TAGS[language];
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = say(element.dataset.text);
  }
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", say(element.dataset.label));
  }
  for (const element of document.querySelectorAll("[data-hint]")) {
    element.placeholder = say(element.dataset.hint);
  }
  languageListeners.forEach((listener) => listener());
}

function startLanguage() {
  const button = byId("language");
  const show = () => button.setAttribute("lang", TAGS[language === "en" ? "zh" : "en"]);
  button.addEventListener("click", changeLanguage);
  onLanguage(show);
  show();
}
