// How the daemon is, asked every few seconds while somebody looks.

const ASK_EVERY_MILLISECONDS = 3000;

function startStatus() {
  const charts = startCharts();
  let status = null;
  let timer = 0;
  const show = () => status && showStatus(status.root, status.ready);
  const ask = async () => {
    clearTimeout(timer);
    try {
      const [root, ready] = await Promise.all([askDaemon("/"), askDaemon("/readyz")]);
      status = { root, ready };
      show();
      charts.forEach((drawStatus) => drawStatus(root));
    } catch {
      status = null;
      showState("away", "bad");
    }
    clearTimeout(timer);
    if (!document.hidden) {
      timer = setTimeout(ask, ASK_EVERY_MILLISECONDS);
    }
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : ask()));
  onLanguage(show);
  ask();
}

function startCharts() {
  const perMinute = (history, counts) => counts.map((count) => (count * 60) / history.step_seconds);
  return [
    chart("chart-requests", {
      title: "requests",
      unit: "per_minute",
      least: 12,
      headline: (status) => short(status.requests.api.last_minute),
      series: [
        { name: "chart_requests", kind: "bar", color: "one", values: (history) => perMinute(history, history.requests) },
        { name: "chart_failed", kind: "bar", color: "bad", values: (history) => perMinute(history, history.failed) },
      ],
    }),
    chart("chart-first-token", {
      title: "first_token",
      least: 0.01,
      format: seconds,
      headline: (status) => seconds(status.last_minute.first_token_p50_seconds),
      series: [
        { name: "chart_p95", kind: "line", color: "two", values: (history) => history.first_token_p95_seconds },
        { name: "chart_p50", kind: "line", color: "one", values: (history) => history.first_token_p50_seconds },
      ],
    }),
    chart("chart-tokens", {
      title: "tokens",
      unit: "per_second",
      least: 1,
      headline: (status) => short(status.last_minute.output_tokens_per_second),
      series: [
        { name: "chart_tokens", kind: "area", color: "one", values: (history) => history.output_tokens.map((count) => count / history.step_seconds) },
      ],
    }),
    chart("chart-pool", {
      title: "pool",
      least: 5,
      headline: (status) => `${status.requests.api.in_flight} / ${channelsOf(status)}`,
      series: [
        { name: "chart_channels", kind: "line", color: "two", values: (history) => history.channels },
        { name: "chart_calls", kind: "area", color: "one", values: (history) => history.in_flight },
      ],
    }),
  ];
}

function channelsOf(status) {
  return Object.values(status.pools.services).flat().reduce((sum, address) => sum + address.channels, 0);
}

function seconds(value) {
  if (!value) {
    return value === null ? "–" : "0";
  }
  return value < 1 ? `${short(value * 1000)} ms` : `${short(value)} s`;
}

function showState(name, color) {
  byId("state").dataset.state = color;
  setText(byId("state-text"), name);
}

function showStatus(root, ready) {
  if (ready.draining || root.status === "draining") {
    showState("draining", "warn");
  } else {
    showState(ready.ready ? "ok" : "not_ready", ready.ready ? "good" : "bad");
  }
  byId("version").textContent = root.version;
  byId("uptime").textContent = duration(root.uptime_seconds);
  byId("in-flight").textContent = root.requests.api.in_flight;
  byId("workers-line").hidden = !root.workers;
  byId("workers").textContent = root.workers?.length ?? "";
  byId("services").replaceChildren(...serviceRows(root.pools.services, ready.services));
}

function serviceRows(services, ready) {
  return Object.entries(services).flatMap(([name, addresses]) =>
    addresses.map((address) => {
      const [color, state] = address.usable ? ["good", "usable"] : [ready[name] === "ok" ? "warn" : "bad", ready[name] === "ok" ? "resting" : "down"];
      const badge = make("span", { className: "badge" }, make("span", { className: "dot" }), say(state));
      badge.dataset.state = color;
      return make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, make("code", {}, address.address)), make("td", {}, badge), make("td", { className: "number" }, String(address.channels)), make("td", { className: "number" }, String(address.in_flight)));
    }),
  );
}

/** Such as "3 d 4 h", "12 min 5 s": the two highest units. */
function duration(allSeconds) {
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  let left = Math.floor(allSeconds);
  const parts = units.map(([size, unit]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return [count, `${count} ${unit}`];
  });
  const first = parts.findIndex(([count]) => count > 0);
  return first < 0 ? "0 s" : parts.slice(first, first + 2).map(([, text]) => text).join(" ");
}
