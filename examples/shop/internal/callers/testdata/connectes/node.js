// Calls the shop from Node:
//
//	node node.js DESCRIPTORS URL TOKEN

import { readFileSync } from "node:fs";
import { playAll } from "./calls.js";

const [descriptors, url, token] = process.argv.slice(2);
console.log(JSON.stringify(await playAll(new Uint8Array(readFileSync(descriptors)), url, token)));
