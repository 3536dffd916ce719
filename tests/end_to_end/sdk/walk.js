// One resource of the SDK `openwhisk`, from creating to deleting: node walk.js RESOURCE, with APIHOST and KEY set.
'use strict'

const assert = require('assert').strict
const openwhisk = require('openwhisk')

const ow = openwhisk({ apihost: process.env.APIHOST, api_key: process.env.KEY })
const ECHO = 'function main(p) { console.log("seen"); return p }'
const names = items => items.map(item => item.name).sort()
const plain = pairs => Object.fromEntries(pairs.map(pair => [pair.key, pair.value]))

async function refused (promise, status, words) {
  const error = await promise.then(() => assert.fail('not refused'), error => error)
  assert.equal(error.statusCode, status, error.message)
  assert.match(error.message, words)
  return error
}

async function settled (check, seconds = 20) {
  const end = Date.now() + seconds * 1000
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > end) throw error
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }
}

const resources = {
  async actions () {
    const made = await ow.actions.create({
      name: 'sdk-a', action: ECHO, params: { a: 1 }, annotations: { web: 'no' }, limits: { memory: 128 }
    })
    assert.deepEqual([made.namespace, made.name, made.version, made.limits.memory], ['guest', 'sdk-a', '0.0.1', 128])
    assert.deepEqual([plain(made.parameters).a, plain(made.annotations).web], [1, 'no'])
    await refused(ow.actions.create({ name: 'sdk-a', action: ECHO }), 409, /resource already exists/)
    assert.equal((await ow.actions.get('sdk-a')).exec.code, ECHO)
    assert.equal((await ow.actions.get({ name: 'sdk-a', code: false })).exec.code, undefined)
    const updated = await ow.actions.update({ name: 'sdk-a', action: ECHO, params: { a: 2 }, version: '1.0.0' })
    assert.deepEqual([plain(updated.parameters).a, updated.version], [2, '1.0.0'])
    const kept = await ow.actions.update({ name: 'sdk-a', limits: { timeout: 5000 } })
    assert.deepEqual([kept.limits.timeout, kept.limits.memory], [5000, 128])
    assert(names(await ow.actions.list()).includes('sdk-a'))
    assert.equal((await ow.actions.list({ limit: 1, skip: 0 })).length, 1)
    assert((await ow.actions.list({ count: true })).actions >= 1)
    await ow.actions.create({ name: 'sdk a', action: Buffer.from('UEsDBA=='), kind: 'python:default' })
    assert.equal((await ow.actions.get('sdk a')).exec.binary, true)
    await ow.actions.delete(['sdk-a', 'sdk a'])
    await refused(ow.actions.get('sdk-a'), 404, /does not exist/)
  },

  async invoking () {
    await ow.actions.create({ name: 'sdk-i', action: ECHO, params: { a: 1 } })
    await ow.actions.create({ name: 'sdk-f', action: 'function main() { return {error: "sold out"} }' })
    await ow.actions.create({ name: 'sdk-t', action: 'function main() { throw new Error("no") }' })
    const record = await ow.actions.invoke({ name: 'sdk-i', params: { b: 2 }, blocking: true })
    assert.deepEqual([record.response.success, record.response.result], [true, { a: 1, b: 2 }])
    assert.deepEqual(await ow.actions.invoke({ name: 'sdk-i', blocking: true, result: true }), { a: 1 })
    const queued = await ow.actions.invoke({ name: 'sdk-i', params: { c: 3 } })
    const later = await settled(() => ow.activations.get(queued.activationId))
    assert.deepEqual(later.response.result, { a: 1, c: 3 })
    const bare = await ow.actions.invoke('sdk-i')
    assert.match(bare.activationId, /^[0-9a-f]{32}$/)
    assert.equal((await ow.actions.invoke(['sdk-i', 'sdk-i'])).length, 2)
    const failed = await refused(ow.actions.invoke({ name: 'sdk-f', blocking: true, result: true }), 502, /sold out/)
    assert.equal(failed.error.response.result.error, 'sold out')
    const thrown = ow.actions.invoke({ name: 'sdk-t', blocking: true })
    await refused(thrown, 502, /An error has occurred: Error: no/)
    await refused(ow.actions.invoke({ name: 'sdk-none' }), 404, /does not exist/)
    await ow.actions.delete(['sdk-i', 'sdk-f', 'sdk-t'])
  },

  async sequences () {
    await ow.actions.create({ name: 'sdk-one', action: 'function main(p) { return {n: p.n + 1} }' })
    const made = await ow.actions.create({ name: 'sdk-s', sequence: ['/_/sdk-one', '/guest/sdk-one', '/_/sdk-one'] })
    assert.deepEqual(made.exec.components, Array(3).fill('/guest/sdk-one'))
    const record = await ow.actions.invoke({ name: 'sdk-s', params: { n: 1 }, blocking: true })
    assert.deepEqual([record.response.result.n, record.logs.length], [4, 3])
    const inner = await settled(() => ow.activations.get(record.logs[0]))
    assert.equal(inner.cause, record.activationId)
    await refused(ow.actions.create({ name: 'sdk-x', sequence: ['/_/sdk-none'] }), 400, /component does not exist/)
    await ow.actions.delete(['sdk-s', 'sdk-one'])
  },

  async packages () {
    await ow.packages.create({ name: 'sdk-p', package: { publish: true, parameters: [{ key: 'x', value: 1 }] } })
    await ow.packages.update({ name: 'sdk-p', package: { annotations: [{ key: 'k', value: 'v' }] } })
    await ow.actions.create({ name: 'sdk-p/echo', action: ECHO })
    const got = await ow.packages.get('sdk-p')
    assert.deepEqual([names(got.actions), plain(got.parameters)], [['echo'], { x: 1 }])
    await ow.packages.create({
      name: 'sdk-b', package: { binding: { namespace: '_', name: 'sdk-p' }, parameters: [{ key: 'x', value: 2 }] }
    })
    assert.deepEqual((await ow.packages.get('sdk-b')).binding, { namespace: 'guest', name: 'sdk-p' })
    assert.deepEqual(await ow.actions.invoke({ name: 'sdk-b/echo', blocking: true, result: true }), { x: 2 })
    assert.deepEqual(await ow.actions.invoke({ name: '/guest/sdk-p/echo', blocking: true, result: true }), { x: 1 })
    assert.deepEqual(names(await ow.packages.list()).filter(name => name.startsWith('sdk')), ['sdk-b', 'sdk-p'])
    assert((await ow.packages.list({ count: true })).packages >= 2)
    await refused(ow.packages.delete('sdk-p'), 409, /Package not empty/)
    await ow.actions.delete('sdk-p/echo')
    await ow.packages.delete('sdk-b')
    await ow.packages.delete('sdk-p')
  },

  async triggers () {
    await ow.triggers.create({ name: 'sdk-t', trigger: { parameters: [{ key: 'x', value: 1 }] }, annotations: { k: 1 } })
    const got = await ow.triggers.get('sdk-t')
    assert.deepEqual([plain(got.parameters), plain(got.annotations)], [{ x: 1 }, { k: 1 }])
    await ow.triggers.update({ name: 'sdk-t', trigger: { parameters: [{ key: 'x', value: 2 }] } })
    assert(names(await ow.triggers.list()).includes('sdk-t'))
    assert.equal(String(await ow.triggers.invoke({ name: 'sdk-t', params: {} })), '')
    assert.equal(String(await ow.triggers.invoke('sdk-t')), '')
    await ow.triggers.delete('sdk-t')
  },

  async rules () {
    await ow.actions.create({ name: 'sdk-ra', action: ECHO })
    await ow.triggers.create({ name: 'sdk-rt' })
    const made = await ow.rules.create({ name: 'sdk-r', action: 'sdk-ra', trigger: 'sdk-rt' })
    assert.deepEqual([made.status, made.action.name, made.trigger.name], ['active', 'sdk-ra', 'sdk-rt'])
    const fired = await ow.triggers.invoke({ name: 'sdk-rt', params: { n: 5 } })
    const record = await settled(() => ow.activations.get(fired.activationId))
    const line = JSON.parse(record.logs[0])
    assert.equal(line.success, true)
    const ran = await settled(() => ow.activations.get(line.activationId))
    assert.equal(ran.response.result.n, 5)
    await ow.rules.disable({ name: 'sdk-r' })
    assert.equal((await ow.rules.get('sdk-r')).status, 'inactive')
    assert.equal(String(await ow.triggers.invoke('sdk-rt')), '')
    await ow.rules.enable({ name: 'sdk-r' })
    assert.equal((await ow.rules.get('sdk-r')).status, 'active')
    await ow.rules.update({ name: 'sdk-r', action: '/guest/sdk-ra', trigger: '/_/sdk-rt' })
    assert(names(await ow.rules.list()).includes('sdk-r'))
    assert((await ow.rules.list({ count: true })).rules >= 1)
    await ow.rules.delete('sdk-r')
    await ow.triggers.delete('sdk-rt')
    await ow.actions.delete('sdk-ra')
  },

  async activations () {
    await ow.actions.create({ name: 'sdk-v', action: ECHO })
    const since = Date.now() - 1000
    const { activationId } = await ow.actions.invoke({ name: 'sdk-v', params: { v: 1 }, blocking: true })
    const record = await settled(() => ow.activations.get(activationId))
    assert.deepEqual([record.name, record.response.status, record.logs.length], ['sdk-v', 'success', 1])
    assert.match((await ow.activations.logs(activationId)).logs[0], /Z stdout: seen$/)
    assert.deepEqual((await ow.activations.result(activationId)).result, { v: 1 })
    const listed = await ow.activations.list({ name: 'sdk-v', since, limit: 5 })
    assert.deepEqual([listed.length, listed[0].activationId, listed[0].statusCode], [1, activationId, 0])
    assert.equal((await ow.activations.list({ name: 'sdk-v', docs: true }))[0].response.result.v, 1)
    assert.deepEqual(await ow.activations.list({ name: 'sdk-v', upto: since }), [])
    assert((await ow.activations.list({ count: true })).activations >= 1)
    await refused(ow.activations.get('0'.repeat(32)), 404, /does not exist/)
    await ow.actions.delete('sdk-v')
  },

  async namespaces () {
    assert.deepEqual(await ow.namespaces.list(), ['guest'])
    await ow.triggers.create({ name: 'sdk-n' })
    const all = await ow.namespaces.get('guest')
    assert.deepEqual(Object.keys(all).sort(), ['actions', 'packages', 'rules', 'triggers'])
    assert(names(all.triggers).includes('sdk-n'))
    await ow.triggers.delete('sdk-n')
  },

  async feeds () {
    await ow.actions.create({ name: 'sdk-feed', action: ECHO, annotations: { feed: true } })
    await ow.triggers.create({ name: 'sdk-ft' })
    for (const [call, event] of [['create', 'CREATE'], ['get', 'READ'], ['update', 'UPDATE'], ['delete', 'DELETE']]) {
      const record = await ow.feeds[call]({ name: 'sdk-feed', trigger: 'sdk-ft', params: { every: 5 } })
      const { lifecycleEvent, triggerName, every, authKey } = record.response.result
      assert.deepEqual([lifecycleEvent, triggerName, every, authKey], [event, '/_/sdk-ft', 5, process.env.KEY])
    }
    await ow.triggers.delete('sdk-ft')
    await ow.actions.delete('sdk-feed')
  },

  async routes () {
    const code = 'function main(p) { return {body: {got: p.q, id: p.id || null}} }'
    await ow.actions.create({ name: 'sdk-w', action: code, annotations: { 'web-export': true } })
    const made = await ow.routes.create({ basepath: '/sdk', relpath: '/y', operation: 'get', action: 'sdk-w' })
    assert.match(made.gwApiUrl, /^http:\/\/127\.0\.0\.1:\d+\/.*sdk$/)
    const answer = await fetch(`${made.gwApiUrl}/y?q=7`)
    assert.deepEqual([answer.status, (await answer.json()).body.got], [200, '7'])
    assert.equal((await ow.routes.list()).apis.length, 1)
    assert.equal((await ow.routes.get({ basepath: '/sdk' })).apis[0].value.apidoc.basePath, '/sdk')
    assert.deepEqual((await ow.routes.get({ basepath: '/none' })).apis, [])
    await ow.routes.delete({ basepath: '/sdk' })
    assert.equal((await fetch(`${made.gwApiUrl}/y`)).status, 404)
    await ow.actions.delete('sdk-w')
  }
}

if (process.argv[2] === undefined) {
  console.log(Object.keys(resources).join('\n'))
} else {
  resources[process.argv[2]]().catch(error => {
    console.error(error)
    process.exit(1)
  })
}
