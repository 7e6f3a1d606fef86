// A client of gRPC-Web in plain JavaScript, for fields that are strings. A frame is a byte of flags,
// four with the length, and a message, or with the flag 128 the trailers.

const utf8 = new TextEncoder(), text = new TextDecoder();

function frame(fields) {
  const bytes = fields.flatMap((value, i) => {
    const data = [...utf8.encode(value)]; // shorter than 128 bytes
    return data.length ? [((i + 1) << 3) | 2, data.length, ...data] : [];
  });
  return new Uint8Array([0, 0, 0, 0, bytes.length, ...bytes]);
}

// strings returns the fields of a message that have a length, by their numbers.
function strings(bytes) {
  const found = {};
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const value = varint();
    if ((tag & 7) !== 2) continue;
    found[tag >> 3] = text.decode(bytes.subarray(at, at + value));
    at += value;
  }
  return found;
}

// call yields the messages of a call, and throws its status unless that is 0.
async function* call(method, fields, token, signal) {
  const headers = { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" };
  if (token) headers.authorization = `Bearer ${token}`;
  const response = await fetch(`/shop.v1.${method}`, { method: "POST", headers, body: frame(fields), signal });
  const fail = (get) => {
    const details = atob((get("grpc-status-details-bin") ?? "").replace(/=*$/, ""));
    const reason = details.match(/[A-Z]+(_[A-Z]+)+|UNAUTHENTICATED/)?.[0];
    if (get("grpc-status") !== "0") throw Object.assign(new Error(get("grpc-message")), { status: [get("grpc-status"), reason] });
  };
  if (response.headers.has("grpc-status")) return fail((name) => response.headers.get(name));
  let bytes = [];
  for await (const chunk of response.body) {
    bytes = [...bytes, ...chunk];
    while (bytes.length >= 5) {
      const end = 5 + new DataView(new Uint8Array(bytes).buffer).getUint32(1);
      if (bytes.length < end) break;
      const body = new Uint8Array(bytes.slice(5, end));
      if (bytes[0] & 128) {
        const trailers = new Map(text.decode(body).split("\r\n").map((line) => line.split(/: ?(.*)/s)));
        return fail((name) => trailers.get(name));
      }
      bytes = bytes.slice(end);
      yield strings(body);
    }
  }
  throw new Error("the response has no trailers");
}

async function all(...args) {
  const messages = [];
  for await (const message of call(...args)) messages.push(message);
  return messages;
}

const statusOf = (promise) => promise.then(() => ["0"], (error) => error.status ?? [String(error)]);

async function play(token) {
  const products = (await all("ProductService/SearchProducts", ["teapot"])).map((product) => product[2]);
  const unauthenticated = await statusOf(all("ChatService/SendMessage", ["web", "hello"]));
  const room = [], leave = new AbortController();
  for await (const message of call("ChatService/FollowRoom", ["web"], token, leave.signal)) {
    room.push(message[3]);
    if (room.length === 2) break;
    await all("ChatService/SendMessage", ["web", "hello over gRPC-Web"], token);
  }
  leave.abort();
  return { products, unauthenticated, room, invalid: await statusOf(all("ChatService/SendMessage", ["web", ""], token)) };
}
