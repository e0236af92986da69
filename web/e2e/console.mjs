// A person's first quarter of an hour with Godwit, in a real browser against a real manager: set-up link, first cluster, a
// node appears, a decision says why, a copy arrives, and everything stays usable on a phone.
//
// GODWIT_SETUP is the set-up link, GODWIT the command line, GODWIT_WORK a directory for files, GODWIT_SHOTS one for pictures.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { desktop, openBrowser, phone, shots, watch } from './browser.mjs'

const { GODWIT_SETUP: setup, GODWIT: godwit, GODWIT_WORK: work, GODWIT_SHOTS: pictures } = process.env
const origin = new URL(setup).origin
const password = process.env.GODWIT_PASSWORD ?? 'correct horse battery'
const patience = { timeout: 60_000 }
const run = promisify(execFile)
const cli = { env: { ...process.env, GODWIT_CONFIG: path.join(work, 'profiles.json') } }

const files = path.join(work, 'my-files')
const storage = path.join(work, 'storage')
mkdirSync(storage, { recursive: true })
mkdirSync(files, { recursive: true })
for (let i = 0; i < 60; i++) writeFileSync(path.join(files, `frame-${i}.raw`), randomBytes(2_000_000))

const browser = await openBrowser()
const context = await browser.newContext({ viewport: desktop, ignoreHTTPSErrors: true })
const page = await context.newPage()
const complaints = watch(page)
let step = ''
const children = []

async function promise(name, f) {
  step = name
  const began = Date.now()
  await f()
  console.log(`ok   ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`)
}
const shot = (name) => shots(page, pictures, name)
const rail = (name) => page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name })

try {
  await promise('a stranger is led to the sign-in, which explains the set-up link', async () => {
    await page.goto(`${origin}/nodes?state=running`)
    await page.waitForURL(/\/sign-in/)
    await page.getByText('Nobody can sign in yet').waitFor()
    await shot('1280-sign-in')
  })

  await promise('a set-up link without its token says so', async () => {
    await page.goto(`${origin}/setup`)
    await page.getByText('The set-up link is not complete').waitFor()
  })

  await promise('the set-up link makes the administrator and signs in', async () => {
    await page.goto('about:blank')
    await page.goto(setup)
    await page.getByLabel('Password', { exact: true }).fill('short')
    await page.getByLabel('Password again', { exact: true }).fill('other')
    assert(await page.getByRole('button', { name: 'Make administrator' }).isDisabled(), 'two different passwords are accepted')
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByLabel('Password again', { exact: true }).fill(password)
    await shot('1280-setup')
    await page.getByRole('button', { name: 'Make administrator' }).click()
    await page.waitForURL(/\/start/)
  })

  let login = ''
  let copy = ''
  let secret = ''
  await promise('the first run makes a cluster and a key and fills in the commands', async () => {
    await page.getByRole('textbox', { name: 'Nodes at least' }).fill('2')
    await page.getByRole('textbox', { name: 'Cap of each' }).fill('60')
    await page.getByRole('textbox', { name: 'Directory for files' }).fill(storage)
    await page.getByRole('button', { name: 'Make cluster and access key' }).click()
    login = await page.getByTestId('login').innerText(patience)
    secret = await page.getByTestId('secret').innerText()
    await page.getByRole('textbox', { name: 'What to send' }).fill(files)
    copy = await page.getByTestId('copy').innerText()
    assert.match(login, /^godwit login https:\S+#sha256=[0-9a-f]{64} --key \S+$/)
    assert.equal(copy, `godwit cp -r ${files} local:/`)
  })

  await promise('a node appears while one looks', async () => {
    await page.getByText(/running/).first().waitFor(patience)
    await shot('1280-first-run')
    await rail('Nodes').click()
    await page.getByRole('row').filter({ hasText: 'running' }).first().waitFor(patience)
  })

  await promise('the first decision gives its reason', async () => {
    await rail('Activity').click()
    await page.getByRole('link', { name: /^local: launch 2/ }).click(patience)
    const reasons = page.getByTestId('reasons')
    await reasons.getByText(/available/i).first().waitFor(patience)
    await shot('1280-decision')
  })

  await promise('the copied command moves files, and the console shows it live', async () => {
    const args = login.split(/\s+/).slice(1)
    const signIn = run(godwit, [...args, '--secret-stdin'], cli)
    signIn.child.stdin.end(`${secret}\n`)
    await signIn
    const child = spawn(godwit, copy.split(/\s+/).slice(1).concat('--json', '--name', 'first-light'), { ...cli, stdio: ['ignore', 'ignore', 'pipe'] })
    children.push(child)
    let complaint = ''
    child.stderr.on('data', (b) => (complaint += b))
    const ended = new Promise((resolve) => child.on('exit', resolve))
    await rail('Transfers').click()
    const row = page.getByRole('region', { name: 'Running now' }).getByRole('row').filter({ hasText: 'first-light' })
    await row.waitFor(patience)
    await row.getByRole('progressbar').waitFor()
    await shot('1280-transfers')
    await row.getByRole('link', { name: 'first-light' }).click()
    await page.getByText('rate', { exact: true }).first().waitFor()
    await shot('1280-transfer')
    await rail('Overview').click()
    await page.getByRole('link', { name: /^node-.*running/ }).first().waitFor(patience)
    await page.waitForTimeout(6000) // a few points of the chart
    await shot('1280-overview')
    assert.equal(await ended, 0, `godwit cp failed: ${complaint}`)
    const name = 'frame-7.raw'
    const arrived = path.join(storage, 'my-files', name)
    assert(readFileSync(arrived).equals(readFileSync(path.join(files, name))), 'what arrived differs')
    await rail('Transfers').click()
    await page.getByRole('region', { name: 'Past' }).getByRole('row').filter({ hasText: 'first-light' }).filter({ hasText: 'done' }).waitFor(patience)
  })

  await promise('a decision on the chart reads its reason on hover and opens on a click', async () => {
    await rail('Overview').click()
    const marker = page.getByRole('link', { name: /^Decision at .* launch/ }).first()
    await marker.locator('> span').first().hover(patience)
    await marker.getByText(/launch \d+ for/).first().waitFor()
    await page.screenshot({ path: path.join(pictures, '1280-marker-light.png') })
    await marker.locator('> span').first().click()
    await page.waitForURL(/\/activity\/./)
    await page.getByTestId('reasons').waitFor(patience)
  })

  await promise('a node page tells its life, and draining says what it does', async () => {
    await rail('Nodes').click()
    await page.getByRole('row').filter({ hasText: 'running' }).first().waitFor(patience)
    await page.locator('svg[aria-label^="in, 15 minutes"] path').first().waitFor({ ...patience, state: 'attached' })
    await shot('1280-nodes')
    await page.getByRole('row').filter({ hasText: 'running' }).first().getByRole('link').first().click()
    await page.getByRole('region', { name: 'Its life' }).getByText('booting').first().waitFor(patience)
    await page.getByText('transfer', { exact: true }).first().waitFor(patience)
    await shot('1280-node')
    await page.getByRole('button', { name: 'Drain…' }).click()
    await page.getByText('It takes no new clients.').waitFor()
    await page.getByLabel('Reason').fill('a look at draining')
    await page.getByRole('button', { name: /^Drain node/ }).click()
    await page.getByText(/draining|terminat/).first().waitFor(patience)
  })

  await promise('activity shows what followed, and keeps the rest folded', async () => {
    await rail('Activity').click()
    await page.getByText(/no change ×/).first().waitFor(patience)
    await page.waitForTimeout(1500)
    await shot('1280-activity')
  })

  await promise('keys lead around: / to the search, ? to their list, g n to the nodes', async () => {
    await page.keyboard.press('/')
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'search')
    await page.keyboard.type('first-light')
    await page.getByRole('option', { name: /first-light/ }).waitFor(patience)
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/transfers\/./)
    await page.keyboard.press('?')
    await page.getByRole('dialog').getByText('this list').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await page.keyboard.press('g')
    await page.keyboard.press('n')
    await page.waitForURL(/\/nodes$/)
  })

  await promise('nothing is wider than a phone', async () => {
    await page.setViewportSize(phone)
    for (const [name, url] of [['overview', '/'], ['nodes', '/nodes'], ['activity', '/activity'], ['transfers', '/transfers']]) {
      await page.goto(origin + url)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await page.waitForTimeout(800)
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      assert(wide <= 0, `${name} is ${wide} px wider than the screen`)
      await shot(`390-${name}`)
    }
    await page.setViewportSize(desktop)
  })

  await promise('a session that ended leads to the sign-in and back', async () => {
    await page.goto(`${origin}/transfers?direction=push`)
    await page.getByRole('region', { name: 'Past' }).waitFor()
    await context.clearCookies()
    await page.getByRole('button', { name: 'done' }).click() // asks anew, and is refused
    await page.waitForURL(/\/sign-in\?from=/)
    await page.getByLabel('Name').fill('admin')
    await page.getByLabel('Password', { exact: true }).fill('not the password')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('name or password is wrong').waitFor()
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL(/\/transfers\?direction=push&state=done/)
  })

  await promise('signing out ends the session', async () => {
    await page.getByRole('navigation').getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(/\/sign-in/)
    const status = await page.evaluate(() => fetch('/api/v1/me').then((r) => r.status))
    assert.equal(status, 401)
  })

  assert.deepEqual(complaints, [], 'the browser complained')
} catch (e) {
  console.log(`FAIL ${step}: ${e.stack ?? e}`)
  if (complaints.length) console.log(`the browser complained:\n${complaints.join('\n')}`)
  await page.screenshot({ path: path.join(pictures, 'failure.png') }).catch(() => {})
  process.exitCode = 1
} finally {
  for (const c of children) c.kill()
  await browser.close()
}
