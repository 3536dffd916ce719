// The action proxy for Node.js: the action is a function in this process, so runs may overlap.
'use strict'

const fs = require('fs')
const http = require('http')
const path = require('path')
const util = require('util')
const vm = require('vm')

const SENTINEL = 'XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n'
const NOT_A_DICTIONARY = 'The action did not return a dictionary.'

const own = [1, 2].map(reopened)
let handler
let starting = false
let runKeys = new Set()
let calls // which call this code belongs to, where several may run at the same time

// A second descriptor of our output, so that an action which closes its streams cannot take the marks away.
function reopened (fd) {
  try {
    return fs.openSync(`/proc/self/fd/${fd}`, fs.constants.O_WRONLY | fs.constants.O_APPEND)
  } catch {
    return fd
  }
}

function writeAll (fd, text) {
  let data = Buffer.from(text)
  while (data.length > 0) {
    try {
      data = data.subarray(fs.writeSync(fd, data))
    } catch (error) {
      if (error.code !== 'EAGAIN') return
    }
  }
}

// A full pipe makes node queue what is printed; the marks must not overtake it.
function flushed (stream) {
  if (stream.writableLength === 0 || stream.destroyed) return Promise.resolve()
  return new Promise(resolve => {
    if (stream.writableEnded) stream.once('finish', resolve).once('close', resolve)
    else stream.write('', () => resolve())
  })
}

// What console.error(...things) prints, whatever became of the console.
function complain (...things) {
  writeAll(own[1], `${tagged(calls && calls.getStore(), util.format(...things))}\n`)
}

async function sentinels () {
  const call = calls && calls.getStore()
  if (call) endLines(call)
  await Promise.all([process.stdout, process.stderr].map(flushed))
  own.forEach(fd => writeAll(fd, tagged(call, SENTINEL)))
}

// Each line of `text` with a byte 30, the activation's id and a byte 31 before it.
function tagged (call, text) {
  if (!call) return text
  return text.replace(/^(?=[^])|(?<=\n)(?=[^])/g, `\x1e${call.id}\x1f`)
}

// Calls may overlap from now on: what is printed says which one it belongs to, in whole lines.
function tagOutput () {
  calls = new (require('async_hooks').AsyncLocalStorage)()
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream)
    stream.write = (chunk, encoding, done) => {
      const call = calls.getStore()
      if (!call) return write(chunk, encoding, done)
      const after = typeof encoding === 'function' ? encoding : done
      const text = (call.rest.get(write) || '') + (typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8'))
      const cut = text.lastIndexOf('\n') + 1
      call.rest.set(write, text.slice(cut))
      return write(tagged(call, text.slice(0, cut)), after)
    }
  }
}

function endLines (call) {
  for (const [write, text] of call.rest) if (text !== '') write(`${tagged(call, text)}\n`)
  call.rest.clear()
}

function refused (status, text) {
  return Object.assign(new Error(text), { status })
}

function parse (body) {
  try {
    return JSON.parse(body.toString('utf8')) || {}
  } catch (error) {
    throw refused(500, `Error unmarshaling request: ${error.message}`)
  }
}

async function init (body) {
  if (handler !== undefined || starting) throw refused(403, 'Cannot initialize the action more than once.')
  const message = parse(body).value || {}
  if (typeof message.code !== 'string' || message.code === '') {
    throw refused(403, 'Missing main/no code to execute.')
  }
  setEnvironment(message.env || {})
  if (process.env.__OW_ALLOW_CONCURRENT === 'true') tagOutput()
  starting = true
  try {
    handler = await load(message.code, message.main || 'main', Boolean(message.binary))
  } catch (error) {
    complain('Error during initialization:', error)
    await sentinels()
    throw refused(502, `Initialization has failed due to: ${error && error.stack ? cleaned(error) : error}`)
  } finally {
    starting = false
  }
  return { OK: true }
}

async function load (code, main, binary) {
  const found = binary ? await fromArchive(Buffer.from(code, 'base64'), main) : fromSource(code, main)
  // a text, not an Error: the answer has no stack of ours
  if (typeof found !== 'function') throw `Action entrypoint '${main}' is not a function.`
  return found
}

function fromSource (code, main) {
  const Module = require('module')
  const file = path.join(process.cwd(), 'index.js')
  const module = new Module(file)
  module.filename = file
  module.paths = Module._nodeModulePaths(process.cwd())
  const tail = /^[\w$.]+$/.test(main)
    ? `\n;if (!(${JSON.stringify(main.split('.')[0])} in module.exports)) { try { module.exports = {__action: ${main}} } catch (e) { if (!(e instanceof ReferenceError)) throw e } }`
    : ''
  try {
    module._compile(code + tail, file)
  } catch (error) {
    // without the tail it may be another error, and in the right place
    if (error instanceof SyntaxError) vm.compileFunction(code, ['exports', 'require', 'module'], { filename: file })
    throw error
  }
  return module.exports.__action || lookUp(module.exports, main)
}

function lookUp (exports, main) {
  return main.split('.').reduce((value, name) => (value == null ? undefined : value[name]), exports)
}

async function fromArchive (data, main) {
  const folder = process.cwd()
  try {
    unpack(data, folder)
  } catch (error) {
    complain(error)
    throw 'There was an error uncompressing the action archive.'
  }
  if (!fs.existsSync(path.join(folder, 'package.json')) && !fs.existsSync(path.join(folder, 'index.js'))) {
    throw 'Zipped actions must contain either package.json or index.js at the root.'
  }
  const exports = await requireOrImport(folder)
  return lookUp(exports, main) || (exports.default && lookUp(exports.default, main))
}

async function requireOrImport (folder) {
  const load = require('module').createRequire(path.join(folder, 'index.js'))
  try {
    return load(folder)
  } catch (error) {
    if (error.code !== 'ERR_REQUIRE_ESM') throw error
    return import(require('url').pathToFileURL(load.resolve(folder)).href)
  }
}

function unpack (data, folder) {
  if (data[0] === 0x1f && data[1] === 0x8b) {
    require('child_process').execFileSync('tar', ['-xzf', '-', '-C', folder], { input: data, stdio: ['pipe', 2, 2] })
  } else {
    for (const entry of zipEntries(data)) writeEntry(entry, folder)
  }
}

// The entries of a zip, read from its central directory: {name, mode, data()}.
function * zipEntries (data) {
  let end = data.length - 22
  while (end >= 0 && data.readUInt32LE(end) !== 0x06054b50) end--
  if (end < 0) throw new Error('The code is neither a zip nor a tar.gz.')
  let at = data.readUInt32LE(end + 16)
  for (let n = data.readUInt16LE(end + 10); n > 0; n--) {
    const method = data.readUInt16LE(at + 10)
    const packed = data.readUInt32LE(at + 20)
    const nameLength = data.readUInt16LE(at + 28)
    const local = data.readUInt32LE(at + 42)
    const start = local + 30 + data.readUInt16LE(local + 26) + data.readUInt16LE(local + 28)
    const raw = data.subarray(start, start + packed)
    yield {
      name: data.toString('utf8', at + 46, at + 46 + nameLength),
      mode: data.readUInt32LE(at + 38) >>> 16,
      data: () => (method === 0 ? raw : require('zlib').inflateRawSync(raw))
    }
    at += 46 + nameLength + data.readUInt16LE(at + 30) + data.readUInt16LE(at + 32)
  }
}

function writeEntry (entry, folder) {
  const target = path.join(folder, path.normalize('/' + entry.name))
  if (entry.name.endsWith('/')) {
    fs.mkdirSync(target, { recursive: true })
    return
  }
  fs.mkdirSync(path.dirname(target), { recursive: true })
  if ((entry.mode & 0o170000) === 0o120000) {
    fs.symlinkSync(entry.data().toString(), target)
  } else {
    fs.writeFileSync(target, entry.data())
    if (entry.mode) fs.chmodSync(target, (entry.mode & 0o777) | 0o400)
  }
}

async function run (body) {
  if (handler === undefined) throw refused(403, 'System not ready, status is ready.')
  const message = parse(body)
  setRunEnvironment(message)
  if (calls && message.activation_id) {
    return calls.run({ id: message.activation_id, rest: new Map() }, runOne, message)
  }
  return runOne(message)
}

async function runOne (message) {
  try {
    const result = await call(message.value === undefined ? {} : message.value)
    if (typeof result === 'object') return result
    complain(`Result must be of type object but has type "${typeof result}":`, result)
    throw refused(502, NOT_A_DICTIONARY)
  } finally {
    await sentinels()
  }
}

// Upstream's distinction: what is thrown is the container's failure, what is rejected is the action's answer.
async function call (value) {
  let result
  try {
    result = handler(value)
  } catch (error) {
    complain(error)
    throw refused(502, `An error has occurred: ${error}`)
  }
  try {
    const resolved = await result
    return resolved === undefined ? {} : resolved
  } catch (error) {
    return { error: error ? plainError(error) : {} }
  }
}

// The stack of an error without the source that stands before the text of some, and without frames that are not the
// action's.
function cleaned (error) {
  const lines = String(error.stack).split('\n')
  const text = Math.max(0, lines.findIndex(line => line.startsWith(`${error.name}: `)))
  const foreign = line => /^\s+at /.test(line) && (line.includes(__filename) || line.includes('(node:'))
  return lines.slice(text).filter(line => !foreign(line)).join('\n')
}

// An error as JSON: its own fields, and the texts that errors inherit or hide. Circles are cut.
function plainError (error, above = []) {
  if (typeof error === 'function') return `[Function: ${error.name || 'anonymous'}]`
  if (typeof error !== 'object' || error === null) return error
  const path = [...above, error]
  const plain = Array.isArray(error) ? [] : {}
  for (const [name, value] of Object.entries(error)) {
    if (typeof value !== 'function') plain[name] = path.includes(value) ? '[Circular]' : plainError(value, path)
  }
  for (const name of ['name', 'message', 'stack', 'code']) {
    if (typeof error[name] === 'string') plain[name] = name === 'stack' ? cleaned(error) : error[name]
  }
  return plain
}

function setEnvironment (values) {
  for (const [name, value] of Object.entries(values)) {
    process.env[name] = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value || '')
  }
}

function setRunEnvironment (message) {
  const present = {}
  for (const [name, value] of Object.entries(message)) {
    if (typeof value === 'string' && name !== 'value') present[`__OW_${name.toUpperCase()}`] = value
  }
  for (const name of runKeys) if (!(name in present)) delete process.env[name]
  setEnvironment(present)
  runKeys = new Set(Object.keys(present))
}

function answer (response, status, value) {
  const body = Buffer.from(JSON.stringify(value))
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': body.length })
  response.end(body)
}

// Where containers share a network each has a key of its own; whoever does not send it is not obeyed.
const key = process.env.__OWACTORS_KEY
delete process.env.__OWACTORS_KEY

function knowsKey (request) {
  const sent = request.headers['x-owactors-key'] || ''
  if (key === undefined) return true
  const equal = (a, b) => a.length === b.length && require('crypto').timingSafeEqual(a, b)
  return equal(Buffer.from(sent), Buffer.from(key))
}

// What Node.js loads when it is wanted first, while nobody waits for it.
async function rehearse () {
  fromSource('function main () {}', 'main')
  await Promise.all([process.stdout, process.stderr].map(flushed))
  return {}
}

async function dispatch (url, body) {
  if (url === '/init') return init(body)
  if (url === '/run') return run(body)
  if (url === '/rehearsal') return rehearse()
  throw refused(404, '404 page not found')
}

function serve (request, response) {
  const chunks = []
  request.on('data', chunk => chunks.push(chunk))
  request.on('end', async () => {
    try {
      if (!knowsKey(request)) throw refused(403, 'This container takes no calls from you.')
      answer(response, 200, await dispatch(request.url, Buffer.concat(chunks)))
    } catch (error) {
      const status = error.status || 502
      answer(response, status, { error: error.status ? error.message : `${NOT_A_DICTIONARY} (${error.message})` })
    }
  })
}

function option (name) {
  const at = process.argv.indexOf(name)
  return at < 0 ? undefined : Number(process.argv[at + 1])
}

const server = http.createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 }, serve)
const listenFd = option('--listen-fd')
server.listen(listenFd === undefined ? { host: '0.0.0.0', port: option('--port') || 8080 } : { fd: listenFd }, () => {
  const ready = option('--ready-fd')
  if (ready !== undefined) {
    fs.writeSync(ready, '1')
    fs.closeSync(ready)
  }
})
