import { Button, Modal, NativeSelect, NumberInput, PasswordInput, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { client } from '../api/client'
import { answer, Refusal } from '../api/refusal'
import type { NotificationTarget } from '../api/types'
import form from '../ui/form.module.css'
import { Secret } from '../ui/Secret'
import { Trouble } from '../ui/Trouble'

type Kind = 'webhook' | 'email'
const kinds = [
  ['webhook', 'Webhook', 'A signed POST to an address of yours.'],
  ['email', 'E-mail', 'By a mail server of yours.'],
] as const

export function NewNotification({ onClose }: { onClose: () => void }) {
  const [kind, setKind] = useState<Kind>('webhook')
  const [name, setName] = useState('')
  const [url, setUrl] = useState('')
  const [mail, setMail] = useState({ host: '', port: 0, security: 'starttls' as NonNullable<NotificationTarget['security']>, from: '', to: '', username: '', password: '' })
  const queries = useQueryClient()
  const target: NotificationTarget =
    kind === 'webhook'
      ? { url: url.trim() }
      : { host: mail.host.trim(), port: mail.port, security: mail.security, from: mail.from.trim(), to: mail.to.split(',').map((x) => x.trim()).filter(Boolean), ...(mail.username && { username: mail.username }) }
  const make = useMutation({
    mutationFn: () => answer(client.POST('/api/v1/notifications', { body: { name: name.trim(), kind, target, ...(kind === 'email' && mail.password && { secret: mail.password }) } })),
    onSuccess: (n) => {
      if (!n.secret) onClose()
      return queries.invalidateQueries({ queryKey: ['notifications'] })
    },
  })
  const refused = make.error instanceof Refusal ? make.error : undefined
  const fault = (f: string) => refused?.field(`target.${f}`)
  const set = <K extends keyof typeof mail>(k: K, v: (typeof mail)[K]) => setMail({ ...mail, [k]: v })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    make.mutate()
  }
  return (
    <Modal opened onClose={onClose} title={<strong>{make.data ? make.data.name : 'New notification'}</strong>} size="lg" closeOnClickOutside={!make.data}>
      {make.data?.secret ? (
        <div className={form.fields}>
          <Secret what="signing key" value={make.data.secret} />
          <p className="dim">The receiver checks with it that a call is ours (Standard Webhooks).</p>
          <div className={form.buttons}>
            <Button onClick={onClose}>I have stored it</Button>
          </div>
        </div>
      ) : (
        <form onSubmit={submit} className={form.fields}>
          <fieldset className={form.group}>
            <legend>By</legend>
            <div className={form.cards}>
              {kinds.map(([value, title, text]) => (
                <label key={value} className={form.card}>
                  <input type="radio" name="kind" value={value} checked={kind === value} onChange={() => setKind(value)} />
                  <b>{title}</b>
                  <span>{text}</span>
                </label>
              ))}
            </div>
          </fieldset>
          <TextInput label="Name" required maxLength={64} value={name} error={refused?.field('name')} onChange={(e) => setName(e.currentTarget.value)} />
          {kind === 'webhook' ? (
            <TextInput label="Address" description="https; a private address must be allowed under General." required placeholder="https://hooks.example.org/godwit" value={url} error={fault('url')} onChange={(e) => setUrl(e.currentTarget.value)} />
          ) : (
            <>
              <div className={form.pair}>
                <TextInput label="Mail server" required value={mail.host} error={fault('host')} onChange={(e) => set('host', e.currentTarget.value)} />
                <NumberInput label="Port" description="0: the usual one" min={0} max={65535} value={mail.port} error={fault('port')} onChange={(v) => set('port', Number(v))} />
              </div>
              <NativeSelect label="Security" data={[{ value: 'starttls', label: 'STARTTLS' }, { value: 'tls', label: 'TLS' }, { value: 'none', label: 'none: only without a password' }]} value={mail.security} error={fault('security')} onChange={(e) => set('security', e.currentTarget.value as typeof mail.security)} />
              <div className={form.pair}>
                <TextInput label="From" required value={mail.from} error={fault('from')} onChange={(e) => set('from', e.currentTarget.value)} />
                <TextInput label="To" description="Several with commas." required value={mail.to} error={fault('to')} onChange={(e) => set('to', e.currentTarget.value)} />
              </div>
              <div className={form.pair}>
                <TextInput label="User of the mail server" description="If it asks for one." autoComplete="off" value={mail.username} error={fault('username')} onChange={(e) => set('username', e.currentTarget.value)} />
                <PasswordInput label="Its password" description="Kept sealed; never shown again." autoComplete="new-password" value={mail.password} error={refused?.field('secret')} onChange={(e) => set('password', e.currentTarget.value)} />
              </div>
            </>
          )}
          <Trouble error={make.error} what="The notification was not made" />
          <div className={form.buttons}>
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit" loading={make.isPending} disabled={!name.trim()}>
              Make it
            </Button>
          </div>
        </form>
      )}
    </Modal>
  )
}
