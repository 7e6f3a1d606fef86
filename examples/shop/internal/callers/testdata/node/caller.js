// Calls the shop with @grpc/grpc-js: each kind of RPC, an error with details, and a deadline.
//
//	node caller.js DESCRIPTORS ADDRESS TOKEN

import { readFileSync } from "node:fs";
import * as grpc from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer } from "@grpc/proto-loader";

const [descriptors, address, token] = process.argv.slice(2);
const options = { keepCase: true, longs: String, defaults: true };
const set = loadFileDescriptorSetFromBuffer(readFileSync(descriptors), options);
const { shop: { v1: shop } } = grpc.loadPackageDefinition(set);
const decode = (name, bytes) => set[name].deserialize(bytes);

const client = (service) => new shop[service](address, grpc.credentials.createInsecure());
const clerk = new grpc.Metadata();
clerk.set("authorization", `Bearer ${token}`);
const within = (seconds = 240) => ({ deadline: Date.now() + seconds * 1000 });

// unary returns the response of a call.
const unary = (service, method, request) => new Promise((resolve, reject) => {
  client(service)[method](request, clerk, within(), (error, response) => error ? reject(error) : resolve(response));
});

async function collect(stream, most = Infinity) {
  const messages = [];
  for await (const message of stream) {
    messages.push(message);
    if (messages.length === most) break;
  }
  return messages;
}

async function talk() {
  const call = client("ChatService").Chat(clerk, within());
  call.on("error", () => {}); // of the cancellation
  call.write({ room_id: "node", content: "hello" });
  const messages = await collect(call, 2);
  call.cancel();
  return messages.map(({ content }) => content);
}

const record = () => new Promise((resolve, reject) => {
  const call = client("AnalyticsService").RecordMetrics(clerk, within(), (error, response) => {
    if (error) return reject(error);
    // protobufjs has a map of a descriptor as a list of its entries.
    resolve(response.aggregates.find(({ key }) => key === "load").value.sum);
  });
  for (const value of [1, 2, 3]) call.write({ name: "load", value });
  call.end();
});

async function details() {
  try {
    await unary("UserService", "CreateUser", { name: "Dan", email: "nobody" });
  } catch (error) {
    const [bytes] = error.metadata.get("grpc-status-details-bin");
    const found = {};
    for (const { type_url, value } of decode("google.rpc.Status", bytes).details) {
      const name = type_url.split("/")[1];
      found[name] = decode(name, value);
    }
    return [
      grpc.status[error.code], found["google.rpc.ErrorInfo"].reason,
      found["google.rpc.BadRequest"].field_violations[0].field,
    ];
  }
  return ["OK"];
}

// deadline returns how a call ends whose deadline passes. On a busy machine, grpc-js can report the
// reset of its own stream, CANCELLED, instead of the deadline that made it reset the stream.
async function deadline() {
  for (let attempt = 1; ; attempt++) {
    try {
      await collect(client("ChatService").FollowRoom({ room_id: "quiet" }, clerk, within(0.5)));
      return "OK";
    } catch (error) {
      if (error.code !== grpc.status.CANCELLED || attempt === 10) return grpc.status[error.code];
    }
  }
}

const products = client("ProductService").SearchProducts({ query: "tea", limit: 2 }, clerk, within());
console.log(JSON.stringify({
  unary: (await unary("UserService", "ListUsers", { page_size: 2 })).users.map(({ name }) => name),
  "server stream": (await collect(products)).map(({ name }) => name),
  "client stream": await record(),
  bidi: await talk(),
  details: await details(),
  deadline: await deadline(),
}));
process.exit(0); // the connections of the clients stay open
