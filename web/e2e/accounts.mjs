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

  await promise('a sign-in provider is added, one that cannot be asked says why, and passwords kept here go on working', async () => {
    await section('Sign-in').click()
    await page.getByText('Everybody signs in with a password kept here').waitFor(patience)
    await page.getByRole('link', { name: 'Add a provider' }).click()
    await page.getByLabel('Name', { exact: true }).fill('acme')
    await page.getByText(`${origin}/api/v1/sign-in/oidc/acme/callback`).waitFor(patience)
    await page.getByLabel('What the sign-in page calls it').fill('Acme')
    await page.getByLabel('Issuer').fill('https://id.invalid')
    await page.getByLabel('Client id').fill('godwit')
    await page.getByLabel('Secret of the client').fill('not to be seen again')
    await page.getByRole('textbox', { name: 'Group 1' }).fill('godwit-operators')
    await screen('new-provider')
    await page.getByRole('button', { name: 'Add the provider' }).click()
    await page.getByRole('heading', { name: 'Acme' }).waitFor(patience)
    assert.equal(await page.getByLabel('Secret of the client').inputValue(), '', 'the secret is shown again')
    await page.getByRole('button', { name: 'Test it now' }).click()
    await page.getByText(/Acme cannot be asked: discovery/).waitFor(patience)
    await screen('provider')
    await collide(s)
    await page.getByRole('link', { name: 'All providers' }).click()
    await page.getByRole('listitem').filter({ hasText: 'Acme' }).getByText('fails', { exact: true }).waitFor(patience)
    await screen('providers')
    await comesBack(s)
    await page.getByRole('button', { name: 'Turn off…' }).click()
    await page.getByText('Nobody came by it so far.').waitFor()
    await screen('provider-off', { narrow: false })
    await page.getByRole('button', { name: 'Turn Acme off' }).click()
    await page.getByText('is off', { exact: true }).waitFor(patience)
    await section('Users').click()
    await page.getByRole('row').filter({ hasText: 'viola' }).waitFor(patience)
  })

  await promise('the viewer sees it all and finds no button that would be refused', () => looks(s))

  await promise('the audit tells who did what, with what it was before and after', async () => {
    await section('Audit').click()
    const audit = page.getByRole('region', { name: 'Audit' })
    for (const did of [/viola signed in/, /admin made user viola/, /admin made API token monitoring/, /admin made sign-in provider acme/, /admin tested sign-in provider/, /admin revoked access key acme/, /admin renewed access key acme/, /admin drained node/, /admin un-drained node/, /admin changed policy of/, /admin changed configuration of/, /admin (duplicated|made) template bigger/, /admin (launched|made) cluster second/, /admin made cluster local/]) {
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

// collide lets somebody else change the provider that is being edited: both changes are shown, and neither is lost.
async function collide({ page, screen }) {
  await page.getByLabel('What the sign-in page calls it').fill('Acme Inc.')
  const status = await page.evaluate(async () => {
    const at = '/api/v1/sign-in-providers/acme'
    const etag = (await fetch(at)).headers.get('ETag')
    const r = await fetch(at, { method: 'PATCH', headers: { 'If-Match': etag, 'Content-Type': 'application/json' }, body: JSON.stringify({ default_role: 'viewer' }) })
    return r.status
  })
  assert.equal(status, 200)
  await page.getByRole('button', { name: 'Change the provider' }).click()
  await page.getByText('Somebody else changed Acme while you were editing').waitFor(patience)
  await screen('provider-stale', { narrow: false })
  await page.getByRole('button', { name: 'Keep mine on top' }).click()
  assert.equal(await page.getByLabel('Everybody else whom the provider knows').inputValue(), 'viewer', 'the other change is lost')
  await page.getByLabel('What the sign-in page calls it').fill('Acme')
  await page.getByLabel('Client id').fill('godwit-console')
  await page.getByRole('button', { name: 'Change the provider' }).click()
  await page.getByText('Changed. It holds from the next sign-in on.').waitFor(patience)
  await page.getByRole('button', { name: 'Test it now' }).click() // a change forgets how it answered before
  await page.getByText(/Acme cannot be asked: discovery/).waitFor(patience)
}

// comesBack is somebody who is not signed in, whom the provider does not let in.
async function comesBack({ browser, origin, password, lookAt }) {
  const context = await browser.newContext({ viewport: desktop, ignoreHTTPSErrors: true })
  const page = await context.newPage()
  const complaints = watch(page)
  await page.goto(`${origin}/nodes?state=running`)
  await page.waitForURL(/\/sign-in\?from=/)
  await page.getByText('did not answer when last asked').waitFor(patience)
  const screen = lookAt(page)
  await screen('sign-in-providers')
  await page.getByRole('link', { name: 'Sign in with Acme' }).click()
  await page.waitForURL(/\/sign-in\?.*sign_in=provider_unavailable/)
  await page.getByText('Acme cannot be asked at the moment.', { exact: false }).waitFor(patience)
  await screen('sign-in-refused')
  await page.getByLabel('Name').fill('viola')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.waitForURL(/\/nodes\?state=running/, patience) // where they wanted to go, though another site was on the way
  await page.goto(`${origin}/?sign_in=no_role&provider=acme&detail=Call+0800-EVIL`)
  await page.getByText('Acme knows you').waitFor(patience)
  assert.equal(await page.getByText('EVIL').count(), 0, 'an address says what the page shows')
  assert.deepEqual(complaints, [], 'the browser complained')
  await context.close()
}

// Words of buttons and links that change something.
const deeds = /…$|^Launch(?! \d)|^(New|Add|Make|Create|Edit|Change|Delete|Remove|Revoke|Drain|Save|Apply|Duplicate|Pause|Resume|Scale)\b/

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
  // A viewer makes tokens for what a viewer may, changes the own password and tries policies without saving them: those
  // three screens are not of this list.
  for (const view of ['/', '/nodes', '/transfers', '/activity', '/keys', '/clusters', '/clusters/local', '/clusters/local/configuration', '/templates', '/settings']) {
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
