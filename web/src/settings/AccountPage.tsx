import { Button, PasswordInput } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { client } from '../api/client'
import { meQuery, settingsQuery } from '../api/queries'
import { answer, Refusal } from '../api/refusal'
import { Ago } from '../ui/Ago'
import form from '../ui/form.module.css'
import { Facts, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { roleText } from './roles'

export function AccountPage() {
  const { data: me } = useQuery(meQuery)
  if (!me) return null
  return (
    <>
      <Panel title="You">
        <Facts
          rows={[
            ['Name', me.name],
            ['Role', <span key="r">{me.role}: {roleText[me.role]}</span>],
            ['Signed in until', me.expires_at ? <Ago key="e" at={me.expires_at} /> : null],
          ]}
        />
      </Panel>
      {me.kind === 'user' ? <Password /> : null}
    </>
  )
}

function Password() {
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const shortest = useQuery(settingsQuery).data?.password_min ?? 10
  const change = useMutation({
    mutationFn: () => answer(client.PUT('/api/v1/me/password', { body: { current, new: next } })),
    onSuccess: () => {
      setCurrent('')
      setNext('')
    },
  })
  const refused = change.error instanceof Refusal ? change.error : undefined
  const submit = (e: FormEvent) => {
    e.preventDefault()
    change.mutate()
  }
  return (
    <Panel title="Password">
      <form onSubmit={submit} className={form.fields} style={{ maxWidth: 420 }}>
        <PasswordInput label="Current password" autoComplete="current-password" required value={current} error={refused?.field('current')} onChange={(e) => setCurrent(e.currentTarget.value)} />
        <PasswordInput
          label="New password"
          description={`At least ${shortest} characters that you use nowhere else.`}
          autoComplete="new-password"
          required
          minLength={shortest}
          value={next}
          error={refused?.field('new')}
          onChange={(e) => setNext(e.currentTarget.value)}
        />
        <Trouble error={change.error} what="The password was not changed" />
        <div className="row">
          <Button type="submit" size="xs" loading={change.isPending} disabled={!current || next.length < shortest}>
            Change password
          </Button>
          {change.isSuccess ? (
            <span className={form.done} role="status">
              Changed. It holds from now on.
            </span>
          ) : null}
        </div>
      </form>
    </Panel>
  )
}
