// Calls the shop with connect-es, without generated code: in a page, and in Node.

import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";

const connect = (more) => (options) => createConnectTransport({ ...options, ...more });
const grpcWeb = (more) => (options) => createGrpcWebTransport({ ...options, ...more });

// transports are the ways to call a server, by their names. Those with GET use it for methods
// without side effects.
const transports = {
  "Connect, JSON": connect({ useBinaryFormat: false }),
  "Connect, JSON, GET": connect({ useBinaryFormat: false, useHttpGet: true }),
  "Connect, binary": connect({ useBinaryFormat: true }),
  "Connect, binary, GET": connect({ useBinaryFormat: true, useHttpGet: true }),
  "gRPC-Web, binary": grpcWeb({ useBinaryFormat: true }),
  "gRPC-Web, JSON": grpcWeb({ useBinaryFormat: false }),
};

// dial returns clients of the services in a FileDescriptorSet.
function dial(kind, descriptors, baseUrl) {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  const transport = transports[kind]({ baseUrl, jsonOptions: { registry } });
  const client = (service) => createClient(registry.getService(`shop.v1.${service}`), transport);
  return {
    users: client("UserService"), products: client("ProductService"), chat: client("ChatService"),
    detail: (error, name) => error.findDetails(registry.getMessage(`google.rpc.${name}`))[0],
  };
}

// failure returns the error of a call.
async function failure(call) {
  try {
    await call();
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("the call did not fail");
}

async function collect(stream, most = Infinity) {
  const messages = [];
  for await (const message of stream) {
    messages.push(message);
    if (messages.length === most) break;
  }
  return messages;
}

// play calls the shop, and returns what happened.
async function play(kind, descriptors, baseUrl, token) {
  const { users, products, chat, detail } = dial(kind, descriptors, baseUrl);
  const fieldOf = (error) => detail(error, "BadRequest").fieldViolations[0].field;
  const headers = { authorization: `Bearer ${token}` };
  const as = (signal) => ({ headers, signal, timeoutMs: 240_000 });

  const soon = { headers, timeoutMs: 500 };
  const late = failure(() => collect(chat.followRoom({ roomId: "quiet" }, soon)));
  const page = await users.listUsers({ pageSize: 2 }, as());
  const found = await collect(products.searchProducts({ query: "tea", limit: 2 }, as()));

  const invalid = await failure(() => users.createUser({ name: "Dan", email: "nobody" }, as()));
  const unauthenticated = await failure(() => users.listUsers({}, { timeoutMs: 240_000 }));
  const streamed = await failure(() => collect(chat.followRoom({ roomId: "" }, as())));

  const room = `room ${Math.random()}`, leave = new AbortController();
  const witness = chat.followRoom({ roomId: room }, as())[Symbol.asyncIterator]();
  const seen = [(await witness.next()).value.content];
  const canceled = await failure(async () => {
    for await (const _ of chat.followRoom({ roomId: room }, as(leave.signal))) leave.abort();
  });
  for (let at = 0; at < 2; at++) seen.push((await witness.next()).value.content);
  await chat.sendMessage({ roomId: room, content: "hello" }, as());
  seen.push((await witness.next()).value.content);
  await witness.return();

  return {
    unary: page.users.map(({ name }) => name),
    "request ID of an error": typeof invalid.metadata.get("x-request-id"),
    "server stream": found.map(({ name, priceCents }) => `${name}: ${priceCents}`),
    details: [Code[invalid.code], detail(invalid, "ErrorInfo").reason, fieldOf(invalid)],
    unauthenticated: [Code[unauthenticated.code], detail(unauthenticated, "ErrorInfo").reason],
    "details of a stream": [Code[streamed.code], fieldOf(streamed)],
    canceled: Code[canceled.code],
    room: seen,
    deadline: Code[(await late).code],
  };
}

// playAll calls the shop over each transport.
export async function playAll(...args) {
  const results = {};
  for (const kind of Object.keys(transports)) results[kind] = await play(kind, ...args);
  return results;
}
