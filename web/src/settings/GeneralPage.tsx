import { Button, NumberInput, Skeleton } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { useMay } from '../account/may'
import { client } from '../api/client'
import { settingsQuery } from '../api/queries'
import { answer, Refusal, tagged } from '../api/refusal'
import type { Settings } from '../api/types'
import { span } from '../format/format'
import { Age } from '../ui/Ago'
import { Confirm } from '../ui/Confirm'
import { Command, Id, Same } from '../ui/Copy'
import form from '../ui/form.module.css'
import { Facts, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'

export function GeneralPage() {
  const { data: v, error } = useQuery(settingsQuery)
  const may = useMay('admin')
  if (!v) return error ? <Trouble error={error} what="The settings cannot be read" /> : <Skeleton height={260} />
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
      <Panel title="Sessions in the console">{may ? <Hours v={v} key={v.session_hours} /> : <p>A session lasts {span(v.session_hours * 3600)}.</p>}</Panel>
      <Same command="godwit settings get" />
    </>
  )
}

function Hours({ v }: { v: Settings }) {
  const [hours, setHours] = useState<number | string>(v.session_hours)
  const queries = useQueryClient()
  const save = useMutation({
    mutationFn: async () => {
      const { etag } = await tagged(client.GET('/api/v1/settings'))
      return answer(client.PATCH('/api/v1/settings', { params: { header: { 'If-Match': etag } }, body: { session_hours: Number(hours) } }))
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ['settings'] }),
  })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    save.mutate()
  }
  return (
    <form onSubmit={submit} className={form.fields} style={{ maxWidth: 420 }}>
      <NumberInput
        label="A session lasts, in hours"
        description="From signing in. Sessions that exist keep the end that they have."
        min={1}
        required
        value={hours}
        error={save.error instanceof Refusal ? save.error.field('session_hours') : undefined}
        onChange={setHours}
      />
      <Trouble error={save.error} what="The settings were not changed" />
      <div>
        <Button type="submit" size="xs" loading={save.isPending} disabled={Number(hours) === v.session_hours || hours === ''}>
          Change
        </Button>
      </div>
    </form>
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
