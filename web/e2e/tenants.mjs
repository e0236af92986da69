// Another tenant: a key of its own, a new secret, and the end of it.
import assert from 'node:assert/strict'
import path from 'node:path'
import { patience } from './story.mjs'

export async function tell(s) {
  const { page, promise, screen, rail } = s

  await promise('a key is made, and its secret is shown once', async () => {
    await rail('Access keys').click()
    await page.getByRole('link', { name: 'New access key' }).click()
    await page.getByRole('button', { name: 'Make access key' }).click()
    await page.getByText('is how transfers and reports call this tenant').waitFor()
    await page.getByLabel('Name').fill('acme')
    await page.getByRole('textbox', { name: 'Directory' }).fill(path.join(s.work, 'acme'))
    await page.getByLabel('Rate at most').fill('500M')
    await page.getByRole('checkbox', { name: /^delete/ }).uncheck()
    await screen('new-key')
    await page.getByRole('button', { name: 'Make access key' }).click()
    const secret = await page.getByTestId('key-secret').innerText(patience)
    assert(secret.length > 20, 'that is no secret')
    await page.getByRole('button', { name: 'Copy secret' }).click()
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret)
    await screen('new-key-made')
    await page.getByRole('link', { name: /I have stored it/ }).click()
    await page.getByRole('heading', { name: 'acme' }).waitFor(patience)
    await page.getByText('500 Mb/s').waitFor()
    await page.getByText('read, write, list').or(page.getByText('list, read, write')).waitFor()
    assert.equal(await page.getByText(secret).count(), 0, 'the secret is shown again')
  })

  await promise('limits change, and a new secret leaves the old one some time', async () => {
    await page.getByRole('button', { name: 'Edit…' }).click()
    await page.getByLabel('Rate at most').fill('1.5G')
    await page.getByRole('button', { name: 'Change', exact: true }).click()
    await page.getByText('1.50 Gb/s').waitFor(patience)
    await page.getByRole('button', { name: 'New secret…' }).click()
    await page.getByRole('button', { name: 'Make a new secret' }).click()
    await page.getByText(/The old secret works until/).waitFor(patience)
    await screen('rotated', { narrow: false })
    await page.getByRole('button', { name: 'I have stored it' }).click()
    await screen('key')
  })

  await promise('revoking asks for the name and says what ends', async () => {
    await page.getByRole('button', { name: 'Revoke…' }).click()
    const sure = page.getByRole('button', { name: 'Revoke it' })
    assert(await sure.isDisabled(), 'it can be revoked in passing')
    await page.getByLabel(/^Type acme/).fill('acme')
    await screen('revoke', { narrow: false })
    await sure.click()
    await page.getByText(/nobody signs in with it any more/).waitFor(patience)
    await rail('Access keys').click()
    await page.getByRole('row').filter({ hasText: 'first' }).first().waitFor(patience)
    assert.equal(await page.getByRole('row').filter({ hasText: 'acme' }).count(), 0, 'a revoked key is listed among the others')
    await page.getByRole('button', { name: 'with revoked' }).click()
    await page.getByRole('row').filter({ hasText: 'acme' }).getByText('revoked').waitFor(patience)
    await screen('keys')
  })
}
