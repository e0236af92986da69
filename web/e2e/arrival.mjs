// From the set-up link to a file that arrived.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { patience } from './story.mjs'

const run = promisify(execFile)

export async function tell(s) {
  const { page, promise, screen, rail, origin, password } = s
  const files = path.join(s.work, 'my-files')
  const storage = path.join(s.work, 'storage')
  const cli = { env: { ...process.env, GODWIT_CONFIG: path.join(s.work, 'profiles.json') } }
  Object.assign(s, { files, profile: cli })
  mkdirSync(storage, { recursive: true })
  mkdirSync(files, { recursive: true })
  for (let i = 0; i < 60; i++) writeFileSync(path.join(files, `frame-${i}.raw`), randomBytes(2_000_000))

  await promise('a stranger is led to the sign-in, which explains the set-up link', async () => {
    await page.goto(`${origin}/nodes?state=running`)
    await page.waitForURL(/\/sign-in/)
    await page.getByText('Nobody can sign in yet').waitFor()
    await screen('sign-in')
  })

  await promise('a set-up link without its token says so', async () => {
    await page.goto(`${origin}/setup`)
    await page.getByText('The set-up link is not complete').waitFor()
  })

  await promise('the set-up link makes the administrator and signs in', async () => {
    await page.goto('about:blank')
    await page.goto(s.setup)
    await page.getByLabel('Password', { exact: true }).fill('short')
    await page.getByLabel('Password again', { exact: true }).fill('other')
    assert(await page.getByRole('button', { name: 'Make administrator' }).isDisabled(), 'two different passwords are accepted')
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByLabel('Password again', { exact: true }).fill(password)
    await screen('setup')
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
    await screen('first-run', { narrow: false })
    await rail('Nodes').click()
    await page.getByRole('row').filter({ hasText: 'running' }).first().waitFor(patience)
  })

  await promise('the first decision gives its reason', async () => {
    await rail('Activity').click()
    await page.getByRole('link', { name: /^local: launch 2/ }).click(patience)
    const reasons = page.getByTestId('reasons')
    await reasons.getByText(/available/i).first().waitFor(patience)
    await screen('decision')
  })

  await promise('the copied command moves files, and the console shows it live', async () => {
    const args = login.split(/\s+/).slice(1)
    const signIn = run(s.godwit, [...args, '--secret-stdin'], cli)
    signIn.child.stdin.end(`${secret}\n`)
    await signIn
    const child = spawn(s.godwit, copy.split(/\s+/).slice(1).concat('--json', '--name', 'first-light'), { ...cli, stdio: ['ignore', 'ignore', 'pipe'] })
    s.children.push(child)
    let complaint = ''
    child.stderr.on('data', (b) => (complaint += b))
    const ended = new Promise((resolve) => child.on('exit', resolve))
    await rail('Transfers').click()
    const row = page.getByRole('region', { name: 'Running now' }).getByRole('row').filter({ hasText: 'first-light' })
    await row.waitFor(patience)
    await row.getByRole('progressbar').waitFor()
    await row.getByRole('link', { name: 'first', exact: true }).waitFor() // the tenant by name
    await screen('transfers', { narrow: false })
    await rail('Overview').click()
    await page.getByRole('link', { name: /^node-.*running/ }).first().waitFor(patience)
    await page.getByRole('region', { name: 'Busiest tenants' }).getByRole('link', { name: 'first', exact: true }).waitFor(patience)
    await screen('overview')
    assert.equal(await ended, 0, `godwit cp failed: ${complaint}`)
    const name = 'frame-7.raw'
    const arrived = path.join(storage, 'my-files', name)
    assert(readFileSync(arrived).equals(readFileSync(path.join(files, name))), 'what arrived differs')
    await rail('Transfers').click()
    const past = page.getByRole('region', { name: 'Past' }).getByRole('row').filter({ hasText: 'first-light' })
    await past.filter({ hasText: 'done' }).waitFor(patience)
    await past.getByRole('link', { name: 'first-light' }).click()
    await page.getByRole('heading', { level: 1 }).filter({ hasText: 'first-light' }).waitFor(patience)
    await screen('transfer')
  })

  await promise('the first-run page shows it arrived', async () => {
    await s.at('/start')
    await page.getByText('It arrived:').waitFor(patience)
    await screen('first-run-arrived')
  })
}
