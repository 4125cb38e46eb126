// Upload parsers of Node behind one small server: POST /PARSER gives what that parser read, as JSON.
"use strict";
const http = require("node:http");
const { Writable } = require("node:stream");
const busboy = require("busboy");
const FastifyBusboy = require("@fastify/busboy");
const formidable = require("formidable");
const multer = require("multer");
const multiparty = require("multiparty");

const LIMIT = 64 * 1024 * 1024;

function part(name, filename, content) {
  return { name: name == null ? "" : String(name), filename: filename == null ? null : String(filename), content: content.toString("base64") };
}

function collected(stream, done) {
  const chunks = [];
  stream.on("data", (chunk) => chunks.push(chunk));
  stream.on("end", () => done(Buffer.concat(chunks)));
}

function withBusboy(make, infoOf) {
  return (request, finish, parts) => {
    const parser = make(request);
    parser.on("file", (name, stream, ...rest) => {
      stream.on("error", () => {});
      collected(stream, (content) => parts.push(part(name, infoOf(rest), content)));
    });
    parser.on("field", (name, value) => parts.push(part(name, null, Buffer.from(value))));
    parser.on("error", (error) => finish(parts, error));
    parser.on("close", () => finish(parts));
    parser.on("finish", () => setImmediate(() => finish(parts)));
    request.pipe(parser);
  };
}

const PARSERS = {
  busboy: withBusboy(
    (request) => busboy({ headers: request.headers }),
    ([info]) => info.filename,
  ),
  "fastify-busboy": withBusboy(
    (request) => new FastifyBusboy({ headers: request.headers }),
    ([filename]) => filename,
  ),
  multer(request, finish) {
    multer({ storage: multer.memoryStorage() }).any()(request, {}, (error) => {
      const parts = (request.files || []).map((file) => part(file.fieldname, file.originalname, file.buffer));
      for (const [name, value] of Object.entries(request.body || {})) {
        for (const one of [].concat(value)) {
          if (typeof one === "string") parts.push(part(name, null, Buffer.from(one)));
        }
      }
      finish(parts, error);
    });
  },
  formidable(request, finish, parts) {
    const written = new Map();
    const form = new formidable.IncomingForm({
      allowEmptyFiles: true,
      minFileSize: 0,
      multiples: true,
      maxFileSize: LIMIT,
      maxTotalFileSize: LIMIT,
      fileWriteStreamHandler(file) {
        const chunks = [];
        written.set(file, chunks);
        return new Writable({ write(chunk, _encoding, next) { chunks.push(chunk); next(); } });
      },
    });
    form.on("field", (name, value) => parts.push(part(name, null, Buffer.from(String(value)))));
    form.on("file", (name, file) => {
      const chunks = [...written].filter(([key]) => key === file || key.newFilename === file.newFilename).flatMap(([, c]) => c);
      parts.push(part(name, file.originalFilename, Buffer.concat(chunks)));
    });
    form.parse(request, (error) => finish(parts, error));
  },
  multiparty(request, finish, parts) {
    const form = new multiparty.Form();
    let open = 0;
    let closed = false;
    const done = () => closed && !open && finish(parts);
    form.on("part", (stream) => {
      open += 1;
      stream.on("error", () => {});
      collected(stream, (content) => {
        parts.push(part(stream.name, stream.filename, content));
        open -= 1;
        done();
      });
    });
    form.on("error", (error) => finish(parts, error));
    form.on("close", () => { closed = true; done(); });
    form.parse(request);
  },
};

const server = http.createServer((request, response) => {
  let answered = false;
  const finish = (parts, error) => {
    if (answered) return;
    answered = true;
    request.unpipe();
    request.resume();
    const body = JSON.stringify({ parts, error: error ? String(error.message || error) : "" });
    response.writeHead(200, { "content-type": "application/json", connection: "close" });
    response.end(body);
  };
  // Some parsers wait for ever for the end of a body that has none.
  setTimeout(() => finish(partsSoFar), 200);
  const partsSoFar = [];
  try {
    PARSERS[request.url.slice(1)](request, finish, partsSoFar);
  } catch (error) {
    finish([], error);
  }
});
process.on("uncaughtException", (error) => console.error(error));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
