const fs = require("fs");
const path = require("path");

/** Calls `callback` once nothing has happened for `delay` milliseconds. */
function debounce(callback, delay) {
  let timer = null;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => callback(...args), delay);
  };
}

function groupBy(items, key) {
  return items.reduce((groups, item) => {
    const name = typeof key === "function" ? key(item) : item[key];
    (groups[name] = groups[name] || []).push(item);
    return groups;
  }, {});
}

async function fetchJson(url, options = {}) {
  const response = await fetch(url, {
    headers: { Accept: "application/json" },
    ...options,
  });
  if (!response.ok) {
    throw new Error(`Request failed with status ${response.status}`);
  }
  return response.json();
}

function readLines(file) {
  const text = fs.readFileSync(path.resolve(file), "utf8");
  return text.split("\n").filter((line) => line.trim() !== "");
}

class Cache {
  constructor(limit = 100) {
    this.limit = limit;
    this.entries = new Map();
  }

  get(key) {
    if (!this.entries.has(key)) {
      return undefined;
    }
    const value = this.entries.get(key);
    this.entries.delete(key);
    this.entries.set(key, value);
    return value;
  }

  set(key, value) {
    this.entries.delete(key);
    this.entries.set(key, value);
    if (this.entries.size > this.limit) {
      const oldest = this.entries.keys().next().value;
      this.entries.delete(oldest);
    }
  }
}

function parseQuery(query) {
  const result = {};
  for (const pair of query.replace(/^\?/, "").split("&")) {
    const [name, value] = pair.split("=");
    result[decodeURIComponent(name)] = decodeURIComponent(value || "");
  }
  return result;
}

module.exports = { Cache, debounce, fetchJson, groupBy, parseQuery, readLines };
