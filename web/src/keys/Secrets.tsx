import { Button, Modal, NativeSelect } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { client } from '../api/client'
import { answer } from '../api/refusal'
import type { AccessKey } from '../api/types'
import { absolute, plural, rate, span } from '../format/format'
import { Confirm } from '../ui/Confirm'
import { Command, Same } from '../ui/Copy'
import s from '../ui/form.module.css'
import { Secret } from '../ui/Secret'
import { Trouble } from '../ui/Trouble'

const overlaps = [0, 3600, 86_400, 604_800].map((v) => ({ value: String(v), label: v ? `for ${span(v)} more` : 'not at all: it ends at once' }))

// Rotate gives a tenant a new secret; the old one may go on working for a while, so that nothing stops meanwhile.
export function Rotate({ accessKey: k, onClose }: { accessKey: AccessKey; onClose: () => void }) {
  const [overlap, setOverlap] = useState('86400')
  const queries = useQueryClient()
  const rotate = useMutation({
    mutationFn: () => answer(client.POST('/api/v1/access-keys/{key}/rotate', { params: { path: { key: k.id } }, body: { overlap_s: Number(overlap) } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['access-key', k.id] }),
  })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    rotate.mutate()
  }
  const made = rotate.data
  return (
    <Modal opened onClose={onClose} title={<strong>{made ? `${k.name} has a new secret` : `New secret for ${k.name}`}</strong>} size="lg" closeOnClickOutside={!made}>
      {made ? (
        <div className={s.fields}>
          <Secret what="secret" value={made.secret} testId="key-secret" />
          <Command text={made.login} />
          <p className="dim">
            {made.previous_until ? `The old secret works until ${absolute(made.previous_until)}.` : 'The old secret has ended. Running transfers go on; the next sign-in needs the new one.'}
          </p>
          <div className={s.buttons}>
            <Button onClick={onClose}>I have stored it</Button>
          </div>
        </div>
      ) : (
        <form onSubmit={submit} className={s.fields}>
          <NativeSelect
            label="The old secret goes on working"
            description="Long enough to put the new one wherever the old one is."
            data={overlaps}
            value={overlap}
            onChange={(e) => setOverlap(e.currentTarget.value)}
          />
          <Trouble error={rotate.error} what="The secret was not changed" />
          <div className={s.buttons}>
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit" loading={rotate.isPending}>
              Make a new secret
            </Button>
          </div>
          <Same command={`godwit key rotate ${k.id} --overlap ${Number(overlap)}s`} />
        </form>
      )}
    </Modal>
  )
}

export function Revoke({ accessKey: k, onClose }: { accessKey: AccessKey; onClose: () => void }) {
  const queries = useQueryClient()
  return (
    <Confirm
      title={`Revoke ${k.name}?`}
      consequences={[
        k.sessions ? <b key="s">{plural(k.sessions, 'session')} at {rate(k.rate_bps)} now: they end. What is complete stays.</b> : 'Nothing runs with it right now.',
        'Nobody signs in with it again, and it cannot be given back: a new key is needed.',
        <>
          The files below <code>{k.storage.path}</code> stay where they are; so does the record of what it moved.
        </>,
      ]}
      label="Revoke it"
      danger
      typed={k.name}
      command={`godwit key revoke ${k.id}`}
      failed="The access key was not revoked"
      act={() => answer(client.DELETE('/api/v1/access-keys/{key}', { params: { path: { key: k.id } } }))}
      onDone={() => Promise.all([queries.invalidateQueries({ queryKey: ['access-key', k.id] }), queries.invalidateQueries({ queryKey: ['access-keys'] })])}
      onClose={onClose}
    />
  )
}
