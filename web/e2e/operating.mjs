// What an operator on call does: looks why, drains a node, gives it back.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import path from 'node:path'
import { patience } from './story.mjs'

export async function tell(s) {
  const { page, promise, screen, rail } = s

  await promise('a decision on the chart reads its reason on hover and opens on a click', async () => {
    await rail('Overview').click()
    const marker = page.getByRole('link', { name: /^(Decision|\d+ decisions).* launch/ }).first()
    await marker.locator('> span').first().hover(patience)
    await marker.getByText(/launch \d+ for/).first().waitFor()
    await page.screenshot({ path: path.join(s.pictures, '1280-marker-light.png') })
    await marker.locator('> span').first().click()
    await page.waitForURL(/\/activity\/./)
    await page.getByTestId('reasons').waitFor(patience)
  })

  await promise('a node page tells its life', async () => {
    await rail('Nodes').click()
    await page.getByRole('row').filter({ hasText: 'running' }).first().waitFor(patience)
    await page.locator('svg[aria-label^="in, 15 minutes"] path').first().waitFor({ ...patience, state: 'attached' })
    await screen('nodes')
    await page.getByRole('row').filter({ hasText: 'running' }).first().getByRole('link').first().click()
    await page.getByRole('region', { name: 'Its life' }).getByText('booting').first().waitFor(patience)
    await page.getByText('transfer', { exact: true }).first().waitFor(patience)
    await screen('node')
  })

  await promise('a node with a live session drains when asked, and is given back before it ends', async () => {
    // Slow enough to be there all along; it ends with the walk.
    const { profile, files } = s
    s.children.push(spawn(s.godwit, ['cp', '-r', files, 'local:/slowly', '--rate', '3M', '--name', 'long-haul', '--json'], { ...profile, stdio: 'ignore' }))
    await rail('Transfers').click()
    const row = page.getByRole('region', { name: 'Running now' }).getByRole('row').filter({ hasText: 'long-haul' })
    const node = row.getByRole('link', { name: /^node-/ }).first()
    await node.waitFor(patience)
    const name = await node.innerText()
    await node.click()
    await page.getByRole('heading', { level: 1 }).filter({ hasText: name }).waitFor(patience)
    await page.getByRole('button', { name: 'Drain…' }).click()
    await page.getByText('It takes no new clients.').waitFor()
    await page.getByLabel('Reason').fill('a look at draining')
    await screen('drain', { narrow: false })
    await page.getByRole('button', { name: /^Drain node/ }).click()
    await page.getByText('draining').first().waitFor(patience)
    await page.getByRole('button', { name: 'Un-drain…' }).click(patience)
    await page.getByRole('dialog').getByRole('button', { name: /^Un-drain/ }).click()
    await page.getByRole('button', { name: 'Drain…' }).waitFor(patience)
    await page.getByRole('region', { name: 'Its life' }).getByText('running').first().waitFor(patience)
  })

  await promise('activity shows what followed, and keeps the rest folded', async () => {
    await rail('Activity').click()
    await page.getByText(/no change ×/).first().waitFor(patience)
    await page.getByText(/admin un-drained node/).first().waitFor(patience)
    await page.getByText(/admin drained node/).first().waitFor(patience)
    await screen('activity')
    await page.getByRole('button', { name: 'what people changed' }).click()
    await page.getByText(/admin made cluster local/).waitFor(patience)
    assert.equal(await page.getByText(/no change ×/).count(), 0, 'inactions show among what people did')
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
    await screen('keys-help', { narrow: false })
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await page.keyboard.press('g')
    await page.keyboard.press('n')
    await page.waitForURL(/\/nodes$/)
  })
}
