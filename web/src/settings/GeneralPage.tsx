import { Button, Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useMay } from '../account/may'
import { client } from '../api/client'
import { answer } from '../api/refusal'
import { Age } from '../ui/Ago'
import { Confirm } from '../ui/Confirm'
import { Command, Id, Same } from '../ui/Copy'
import form from '../ui/form.module.css'
import { Facts, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { taggedSettingsQuery } from './queries'
import { SettingsForm } from './SettingsForm'

export function GeneralPage() {
  const { data, error } = useQuery(taggedSettingsQuery)
  const may = useMay('admin')
  if (!data) return error ? <Trouble error={error} what="The settings cannot be read" /> : <Skeleton height={260} />
  const v = data.data
  return (
    <>
      <Panel title="This manager">
        <Facts
          rows={[
            ['Version', <code key="v">{v.version}</code>],
            ['Up for', <Age key="u" since={v.started_at} />],
            ['Address', <Id key="a" value={v.public_url} what="address" />],
          ]}
        />
      </Panel>
      <Panel title="Certificate">
        <div className={form.fields}>
          <p className="dim">
            Godwit is its own authority: nodes, command lines and managers trust this fingerprint and nothing else. Compare it when somebody asks whether they reach
            the right one.
          </p>
          <Facts rows={[['Fingerprint (SHA-256)', <Id key="f" value={v.ca_sha256} what="fingerprint" />]]} />
          <p className="dim">A command line signs in with address and fingerprint in one:</p>
          <Command text={v.login} />
          {may ? <SigningKey /> : null}
        </div>
      </Panel>
      <SettingsForm stored={data} readOnly={!may} />
      <Same command="godwit settings get" />
    </>
  )
}

function SigningKey() {
  const [asked, setAsked] = useState(false)
  const [done, setDone] = useState(false)
  return (
    <div className="row">
      <Button size="xs" variant="default" onClick={() => setAsked(true)}>
        New signing key…
      </Button>
      {done ? <span className={form.done} role="status">A new key signs from now on.</span> : <span className="dim">It signs the tokens that let clients start transfers.</span>}
      {asked ? (
        <Confirm
          title="Make a new signing key?"
          consequences={['Transfers that run go on.', 'Tokens signed so far are good until they lapse, minutes from now: nodes know both keys.', 'Do it when the manager’s machine or its backup may have been seen by somebody else.']}
          label="Make a new signing key"
          failed="The signing key was not changed"
          act={() => answer(client.POST('/api/v1/settings/signing-key/rotate'))}
          onDone={() => setDone(true)}
          onClose={() => setAsked(false)}
        />
      ) : null}
    </div>
  )
}
