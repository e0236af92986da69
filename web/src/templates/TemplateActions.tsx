import { Button, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useMay } from '../account/may'
import { client } from '../api/client'
import { answer } from '../api/refusal'
import type { Template } from '../api/types'
import { nameFault } from '../clusters/names'
import { Confirm } from '../ui/Confirm'

// TemplateActions are for administrators; others see none.
export function TemplateActions({ template: t }: { template: Template }) {
  const admin = useMay('admin')
  const [asked, setAsked] = useState<'duplicate' | 'delete'>()
  const navigate = useNavigate()
  const close = () => setAsked(undefined)
  if (!admin) return null
  return (
    <>
      <Button size="xs" onClick={() => void navigate({ to: '/clusters/new', search: { template: t.name } })}>
        Launch…
      </Button>
      <Button size="xs" variant="default" onClick={() => setAsked('duplicate')}>
        Duplicate…
      </Button>
      <Button size="xs" variant="default" c="var(--bad)" disabled={t.clusters.length > 0} title={t.clusters.length ? 'Clusters launch from it: delete them first' : undefined} onClick={() => setAsked('delete')}>
        Delete…
      </Button>
      {asked === 'duplicate' ? <Duplicate template={t} onClose={close} /> : null}
      {asked === 'delete' ? <Delete template={t} onClose={close} /> : null}
    </>
  )
}

function Duplicate({ template: t, onClose }: { template: Template; onClose: () => void }) {
  const [name, setName] = useState(`${t.name}-2`.slice(0, 63))
  const queries = useQueryClient()
  const navigate = useNavigate()
  const wrong = nameFault(name)
  return (
    <Confirm
      title={`Duplicate ${t.name}`}
      consequences={['The copy begins with the same specification and lives its own life; nothing is launched from it yet.']}
      label="Duplicate"
      failed="No copy was made"
      command={`godwit template duplicate ${t.name} ${name || 'NAME'}`}
      ready={name !== '' && !wrong}
      act={async () => {
        const made = await answer(client.POST('/api/v1/templates/{template}/duplicate', { params: { path: { template: t.name } }, body: { name } }))
        await queries.invalidateQueries({ queryKey: ['templates'] })
        await navigate({ to: '/templates/$name', params: { name: made.name } })
      }}
      onClose={onClose}
    >
      <TextInput label="Name of the copy" value={name} error={wrong} maxLength={63} onChange={(e) => setName(e.currentTarget.value)} data-autofocus />
    </Confirm>
  )
}

function Delete({ template: t, onClose }: { template: Template; onClose: () => void }) {
  const queries = useQueryClient()
  const navigate = useNavigate()
  return (
    <Confirm
      title={`Delete ${t.name}?`}
      consequences={['No cluster launches from it, so nothing that runs is touched.', 'It cannot be brought back; the audit keeps what it was.']}
      label={`Delete ${t.name}`}
      failed={`${t.name} was not deleted`}
      danger
      command={`godwit template delete ${t.name}`}
      act={async () => {
        await answer(client.DELETE('/api/v1/templates/{template}', { params: { path: { template: t.name } } }))
        await navigate({ to: '/templates' })
        await queries.invalidateQueries({ queryKey: ['templates'] })
      }}
      onClose={onClose}
    />
  )
}
