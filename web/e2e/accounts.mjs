// A team: users with roles, tokens for programs, who did what, and coming back.
import assert from 'node:assert/strict'
import { desktop, watch } from './browser.mjs'
import { patience } from './story.mjs'

export async function tell(s) {
  const { page, promise, screen, rail, origin, password } = s
  const section = (name) => page.getByRole('navigation', { name: 'Settings' }).getByRole('link', { name, exact: true })

  await promise('settings show what this manager is, and change what can be changed', async () => {
    await rail('Settings').click()
    await page.getByText('Fingerprint (SHA-256)').waitFor(patience)
    await screen('settings')
    await section('Your account').click()
    await page.getByLabel('Current password').waitFor()
    await screen('account')
  })

  await promise('a token for a program is shown once, and works', async () => {
    await section('API tokens').click()
    await page.getByRole('button', { name: 'New token' }).click()
    await page.getByLabel('Name').fill('monitoring')
    await screen('new-token', { narrow: false })
    await page.getByRole('button', { name: 'Make the token' }).click()
    const token = await page.getByTestId('token').innerText(patience)
    const status = await page.evaluate((t) => fetch('/api/v1/me', { headers: { Authorization: `Bearer ${t}` }, credentials: 'omit' }).then((r) => r.status), token)
    assert.equal(status, 200, 'the token does not work')
    await page.getByRole('button', { name: 'I have stored it' }).click()
    await page.getByRole('row').filter({ hasText: 'monitoring' }).waitFor()
    await screen('tokens')
  })

  await promise('somebody is told of conditions, and a target that cannot be reached says why', async () => {
    await section('Notifications').click()
    await page.getByRole('button', { name: 'New notification' }).click()
    await page.getByLabel('Name').fill('on call')
    await page.getByRole('textbox', { name: 'Address' }).fill('https://hooks.invalid/godwit')
    await screen('new-notification', { narrow: false })
    await page.getByRole('button', { name: 'Make it' }).click()
    await page.getByRole('button', { name: 'I have stored it' }).click(patience)
    await page.getByRole('button', { name: 'Send a test' }).click()
    await page.getByText(/The test was not taken/).waitFor(patience)
    await screen('notifications')
    await section('Log levels').click()
    await page.getByLabel('Managers').selectOption('debug')
    await page.waitForFunction(() => fetch('/api/v1/log-levels').then((r) => r.json()).then((v) => v.manager === 'debug'), undefined, { ...patience, polling: 500 })
    await screen('log-levels')
    await section('Sessions').click()
    await page.getByText('this one').waitFor(patience)
    await screen('sessions')
  })

  await promise('a user is added who may only look', async () => {
    await section('Users').click()
    await page.getByRole('button', { name: 'Add a user' }).click()
    await page.getByLabel('Name').fill('viola')
    await page.getByLabel('First password').fill(password)
    await page.getByRole('radio', { name: /^viewer/ }).check()
    await screen('new-user', { narrow: false })
    await page.getByRole('button', { name: 'Add the user' }).click()
    await page.getByRole('row').filter({ hasText: 'viola' }).getByText('viewer').waitFor(patience)
    await screen('users')
  })

  await promise('the viewer sees it all and finds no button that would be refused', () => looks(s))

  await promise('the audit tells who did what, with what it was before and after', async () => {
    await section('Audit').click()
    const audit = page.getByRole('region', { name: 'Audit' })
    for (const did of [/viola signed in/, /admin made user viola/, /admin made API token monitoring/, /admin revoked access key acme/, /admin renewed access key acme/, /admin drained node/, /admin un-drained node/, /admin changed policy of/, /admin changed configuration of/, /admin (duplicated|made) template bigger/, /admin (launched|made) cluster second/, /admin made cluster local/]) {
      await audit.getByText(did).first().waitFor(patience)
    }
    await page.getByRole('button', { name: 'access key' }).click()
    const changed = audit.getByRole('listitem').filter({ hasText: 'admin changed access key acme' })
    await changed.getByRole('button', { name: 'details' }).click()
    await changed.getByText('500 Mb/s').waitFor(patience)
    await changed.getByText('1.50 Gb/s').waitFor()
    await screen('audit')
  })

  await promise('a session that ended leads to the sign-in and back', async () => {
    await s.at('/transfers?direction=push')
    await page.getByRole('region', { name: 'Past' }).waitFor()
    await s.context.clearCookies()
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
}

// Words of buttons and links that change something.
const deeds = /…$|^(New|Add|Make|Create|Launch|Edit|Change|Delete|Remove|Revoke|Drain|Save|Apply|Duplicate|Pause|Resume|Scale)\b/

async function looks({ browser, origin, password }) {
  const context = await browser.newContext({ viewport: desktop, ignoreHTTPSErrors: true })
  const page = await context.newPage()
  const complaints = watch(page)
  const refused = []
  page.on('response', (r) => r.status() === 403 && refused.push(`${r.request().method()} ${new URL(r.url()).pathname}`))
  await page.goto(`${origin}/sign-in`)
  await page.getByLabel('Name').fill('viola')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Overview' }).waitFor(patience)
  // A viewer makes tokens for what a viewer may, and changes the own password: those two screens are not of this list.
  for (const view of ['/', '/nodes', '/transfers', '/activity', '/keys', '/settings']) {
    await page.goto(origin + view)
    await page.getByRole('heading', { level: 1 }).first().waitFor(patience)
    await page.waitForLoadState('load')
    const offered = await page.locator('main').getByRole('button').or(page.locator('main').getByRole('link')).allInnerTexts()
    assert.deepEqual(offered.filter((t) => deeds.test((t ?? '').trim())), [], `a viewer is offered this at ${view}`)
  }
  const nodes = page.getByRole('row').filter({ hasText: 'running' }).first()
  await page.goto(`${origin}/nodes`)
  await nodes.getByRole('link').first().click(patience)
  await page.getByRole('region', { name: 'Its life' }).waitFor(patience)
  assert.equal(await page.getByRole('button', { name: 'Drain…' }).count(), 0, 'a viewer may drain')
  assert.deepEqual(refused, [], 'a screen asks for what a viewer may not read')
  assert.deepEqual(complaints, [], 'the browser complained')
  await context.close()
}
