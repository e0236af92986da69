// The administrator's weekly hour: a policy with its preview, a template copied, edited and launched.
import assert from 'node:assert/strict'
import { patience } from './story.mjs'

export async function tell(s) {
  const { page, promise, screen, rail } = s

  await promise('clusters are listed, and a cluster tells how it is', async () => {
    await rail('Clusters').click()
    await page.getByRole('link', { name: 'local', exact: true }).first().waitFor(patience)
    await screen('clusters')
    await page.getByRole('link', { name: 'local', exact: true }).first().click()
    await page.getByRole('heading', { level: 1, name: 'local' }).waitFor(patience)
    await page.getByRole('region', { name: 'What it is' }).waitFor(patience)
    const figures = page.getByRole('region', { name: 'Nodes', exact: true }).locator('dd')
    assert.equal(await figures.count(), 5)
    for (const figure of await figures.all()) {
      // As wide as a rate gets: the unit stays beside its number, and both inside the panel.
      const how = await figure.evaluate((dd) => {
        const widest = dd.cloneNode(false)
        widest.textContent = '88.8 Mb/s'
        dd.after(widest)
        dd.style.display = 'none'
        const { height, right } = widest.getBoundingClientRect()
        const over = Math.max(widest.scrollWidth - widest.clientWidth, right - dd.closest('dl').getBoundingClientRect().right)
        const line = parseFloat(getComputedStyle(widest).lineHeight)
        widest.remove()
        dd.style.display = ''
        return { lines: Math.round(height / line), over }
      })
      assert.equal(how.lines, 1, 'a figure wraps')
      assert(how.over < 1, `a figure is ${how.over} pixels wider than its place`)
    }
    await screen('cluster')
  })

  await promise('a policy is edited beside what it would decide, and saved as a version', async () => {
    await s.at('/clusters/local/policy')
    const floor = page.getByLabel('Available at least')
    await floor.waitFor(patience)
    await floor.fill('3')
    await floor.blur()
    await page.getByText(/It would .*launch|min 3/).first().waitFor(patience)
    await screen('policy')
    await page.getByRole('button', { name: 'Save version 2' }).click()
    await page.getByText('Version 2 is in force.').waitFor(patience)
    await rail('Activity').click()
    const changed = page.getByRole('listitem').filter({ hasText: /admin changed policy/ }).first()
    await changed.getByRole('button', { name: 'what changed' }).click(patience)
    await changed.getByText('available at least').waitFor(patience)
  })

  await promise('a configuration is changed, and running nodes take it up while one looks', async () => {
    await s.at('/clusters/local/configuration')
    const cap = page.getByLabel('Sends at most')
    await cap.fill('45', patience)
    await cap.blur()
    await page.getByRole('button', { name: /^Save version/ }).click(patience)
    const applied = page.getByRole('progressbar', { name: 'Nodes that run with the newest version' })
    await page.waitForFunction(
      () => {
        const bar = document.querySelector('[role=progressbar][aria-label^="Nodes that run"]')
        return bar && Number(bar.getAttribute('aria-valuemax')) > 0 && bar.getAttribute('aria-valuenow') === bar.getAttribute('aria-valuemax')
      },
      undefined,
      patience,
    )
    await applied.waitFor()
    await screen('configuration')
  })

  await promise('a link is drawn over all nodes, and who looks at the cluster sees how it is divided', async () => {
    await page.getByRole('button', { name: 'Add a link' }).click(patience)
    const link = page.getByRole('group', { name: 'Link uplink' })
    await link.getByLabel('All nodes send at most').fill('900')
    await link.getByLabel('All nodes receive at most').fill('900')
    await link.getByLabel('All nodes receive at most').blur()
    await screen('configuration-link')
    await page.getByRole('button', { name: /^Save version/ }).click(patience)
    await page.getByText(/^All \d+ nodes run with version/).waitFor(patience)
    await s.at('/clusters/local')
    const shown = page.getByRole('region', { name: 'Link uplink' })
    await shown.getByText('of 900 Mb/s').first().waitFor(patience)
    await shown.scrollIntoViewIfNeeded()
    await screen('cluster-link')
  })

  await promise('a certificate that is none is refused where it is pasted', async () => {
    await page.getByRole('button', { name: 'Upload a certificate…' }).click(patience)
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Certificates').fill('-----BEGIN PRIVATE KEY-----')
    await dialog.getByLabel('Private key').fill('secret')
    assert.ok(await dialog.getByRole('button', { name: 'Upload it' }).isDisabled())
    await screen('certificate-upload', { narrow: false })
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'hidden' })
  })

  await promise('a decision is replayed: identical as it was, otherwise with another policy', async () => {
    await rail('Activity').click()
    await page.getByRole('button', { name: 'what was done' }).click()
    await page.getByRole('link', { name: /^local: launch/ }).last().click(patience)
    await page.getByRole('button', { name: 'Replay as it was' }).click(patience)
    await page.getByTestId('replay').getByText(/^Identical/).waitFor(patience)
    await page.getByLabel('With another value of').selectOption('min_available')
    await page.getByLabel('Available at least').fill('4')
    await page.getByLabel('Available at least').blur()
    await page.getByRole('button', { name: 'Replay with these values' }).click()
    await page.locator('[data-testid=replay][data-same=no]').waitFor(patience)
    await screen('replay')
  })

  await promise('why nothing was drained has an answer', async () => {
    await s.at('/activity/why-not?action=drain')
    await page.getByTestId('why-not').getByText(/drain/).waitFor(patience)
    await screen('why-not')
    await s.at('/conditions')
    await page.getByText(/Nothing is the matter|needs? a look/).first().waitFor(patience)
    await screen('conditions')
  })

  await promise('a template is duplicated, edited and launched', async () => {
    await rail('Templates').click()
    await page.getByRole('link', { name: 'local', exact: true }).first().waitFor(patience)
    await screen('templates')
    await page.getByRole('link', { name: 'local', exact: true }).first().click()
    await page.getByRole('button', { name: 'Duplicate…' }).click(patience)
    await page.getByLabel('Name of the copy').fill('bigger')
    await page.getByRole('button', { name: 'Duplicate', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'bigger' }).waitFor(patience)
    const cap = page.getByLabel(/^Send(s|ing)? /i).first()
    await cap.fill('80')
    await cap.blur()
    await page.getByRole('button', { name: 'Save version 2' }).click(patience)
    await page.getByText(/^Version 2|version 2/).first().waitFor(patience)
    await screen('template')
    await page.getByRole('button', { name: /^Launch/ }).click()
    await page.waitForURL(/\/clusters\/new/)
    await page.getByLabel('Name', { exact: true }).fill('second')
    await page.getByLabel('Available at least').fill('1')
    await screen('new-cluster')
    await page.getByRole('button', { name: /^(Make|Launch|Create)/ }).click()
    await page.waitForURL(/\/clusters\/second/, patience)
    await rail('Nodes').click()
    await page.goto(`${s.origin}/nodes?cluster=second`)
    await page.getByRole('row').filter({ hasText: 'running' }).first().waitFor(patience)
    assert((await page.getByLabel('Cluster').first().inputValue()) === 'second', 'the chosen cluster is not shown')
    await s.at('/')
  })

  await promise('only what the manager can launch is offered, and JSON that is none is not called acceptable', async () => {
    await s.at('/templates/new')
    const provider = page.getByLabel('Provider')
    await provider.waitFor(patience)
    assert.deepEqual(await provider.locator('option').allInnerTexts(), ['local', 'mixed'])
    await page.getByLabel('Name').fill('broken')
    await page.getByText('The provider would take it').waitFor(patience)
    await page.getByRole('button', { name: 'JSON', exact: true }).click()
    await page.getByLabel('Specification').fill('{"node":')
    await page.getByText('It cannot be read').waitFor(patience)
    assert.equal(await page.getByText('would take it').count(), 0, 'broken JSON stands beside “would take it”')
    assert(await page.getByRole('button', { name: 'Make template' }).isDisabled(), 'a template can be made of broken JSON')
    await screen('template-broken')
  })

  await promise('an address that leads nowhere keeps the way to everything else', async () => {
    await page.goto(`${s.origin}/nope`)
    await page.getByText('There is nothing at this address').waitFor(patience)
    await rail('Overview').click()
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor(patience)
  })

  await promise('nodes behind their template are replaced while one looks', async () => {
    await s.at('/templates/bigger')
    const cap = page.getByLabel(/^Send(s|ing)? /i).first()
    await cap.fill('90', patience)
    await cap.blur()
    await page.getByRole('button', { name: 'Save version 3' }).click(patience)
    await page.getByRole('button', { name: 'Save version 4' }).waitFor(patience)
    await s.at('/clusters/second')
    const upgrade = page.getByRole('region', { name: 'Upgrade' })
    await upgrade.getByText(/differs from the template/).waitFor(patience)
    await upgrade.getByRole('button', { name: 'Replace nodes…' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Start the rollout' }).click()
    await upgrade.getByRole('progressbar', { name: 'Nodes replaced' }).waitFor(patience)
    await screen('upgrade', { narrow: false })
    await upgrade.waitFor({ ...patience, state: 'hidden' }) // nothing differs any more
    await s.at('/')
  })
}
