// The services of the shop over the protocol Connect: JSON, sent by fetch.

const element = (id) => document.getElementById(id);

// ServiceError is the error of a call: code is that of gRPC in lower case, such as "not_found".
class ServiceError extends Error {
  constructor(status, { code = "unknown", message = "", details = [] } = {}) {
    super(`${code}: ${message || `HTTP ${status}`}`);
    this.code = code;
    this.details = details;
  }
}

function request(method, contentType, body, signal) {
  const headers = { "content-type": contentType, "connect-protocol-version": "1" };
  const token = element("token").value.trim();
  if (token) headers.authorization = `Bearer ${token}`;
  return fetch(`/shop.v1.${method}`, { method: "POST", headers, body, signal });
}

// call makes a unary call.
async function call(method, message) {
  const response = await request(method, "application/json", JSON.stringify(message));
  const body = await response.json().catch(() => undefined);
  if (!response.ok) throw new ServiceError(response.status, body);
  return body;
}

// stream yields the responses of a call. Each message is in an envelope: a byte of flags, four with
// the length, and JSON. The last one has the flag 2, and the error of a call that has failed.
async function* stream(method, message, signal) {
  const response = await request(method, "application/connect+json", envelope(message), signal);
  if (!response.ok) throw new ServiceError(response.status);
  const reader = response.body.getReader();
  let bytes = new Uint8Array();
  for (;;) {
    while (bytes.length >= 5) {
      const end = 5 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
      if (bytes.length < end) break;
      const value = JSON.parse(new TextDecoder().decode(bytes.subarray(5, end)));
      if (bytes[0] & 2) {
        if (value.error) throw new ServiceError(response.status, value.error);
        return;
      }
      bytes = bytes.slice(end);
      yield value;
    }
    const { done, value } = await reader.read();
    if (done) throw new ServiceError(response.status, { code: "unavailable", message: "the stream is cut off" });
    const joined = new Uint8Array(bytes.length + value.length);
    joined.set(bytes);
    joined.set(value, bytes.length);
    bytes = joined;
  }
}

function envelope(message) {
  const json = new TextEncoder().encode(JSON.stringify(message));
  const framed = new Uint8Array(5 + json.length);
  new DataView(framed.buffer).setUint32(1, json.length);
  framed.set(json, 5);
  return framed;
}

// attempt runs what a visitor does, and shows its error.
async function attempt(action) {
  element("problem").textContent = "";
  try {
    await action();
  } catch (error) {
    if (error.name !== "AbortError") element("problem").textContent = error.message;
  }
}

function add(list, text) {
  const item = document.createElement("li");
  item.textContent = text;
  element(list).append(item);
  item.scrollIntoView({ block: "nearest" });
}

async function search() {
  element("products").replaceChildren();
  for await (const { name, priceCents = "0" } of stream("ProductService/SearchProducts", { query: element("query").value })) {
    add("products", `${name}: ${(Number(priceCents) / 100).toFixed(2)}`);
  }
}

let pageToken = "";

async function moreUsers() {
  const page = await call("UserService/ListUsers", { pageSize: 2, pageToken });
  for (const { name, email } of page.users ?? []) add("users", `${name} <${email}>`);
  pageToken = page.nextPageToken ?? "";
  element("more").disabled = pageToken === "";
}

let following = new AbortController();

// join follows a room until another one is joined. A stream that ends is followed again, after a
// pause; messages of the meantime are lost, as in every room.
async function join() {
  following.abort();
  following = new AbortController();
  const { signal } = following;
  element("messages").replaceChildren();
  for (;;) {
    try {
      for await (const { userId, content = "" } of stream("ChatService/FollowRoom", { roomId: element("room").value }, signal)) {
        add("messages", `${userId}: ${content}`);
      }
    } catch (error) {
      if (!["unavailable", "deadline_exceeded"].includes(error.code) && error.name !== "TypeError") throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 1000 + 1000 * Math.random()));
    signal.throwIfAborted();
  }
}

async function send() {
  await call("ChatService/SendMessage", { roomId: element("room").value, content: element("content").value });
  element("content").value = "";
}

for (const [id, action] of Object.entries({ search, join, send })) {
  element(id).addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(action);
  });
}
element("more").addEventListener("click", () => attempt(moreUsers));
attempt(search);
