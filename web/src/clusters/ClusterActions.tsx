import { Button, NativeSelect, NumberInput, Radio, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useMay } from '../account/may'
import { client } from '../api/client'
import { answer, tagged } from '../api/refusal'
import type { Cluster } from '../api/types'
import { plural } from '../format/format'
import { Confirm } from '../ui/Confirm'
import { nameFault } from './names'
import { changed, templatesQuery } from './queries'

type Asked = 'edit' | 'pause' | 'resume' | 'scale' | 'delete'

// ClusterActions are what can be done to a cluster as a whole; who may not do a thing does not see its button.
export function ClusterActions({ cluster: c, sessions }: { cluster: Cluster; sessions: number }) {
  const operator = useMay('operator')
  const admin = useMay('admin')
  const [asked, setAsked] = useState<Asked>()
  const close = () => setAsked(undefined)
  if (!operator || c.deleting) return null
  return (
    <>
      <Button size="xs" variant="default" onClick={() => setAsked(c.paused ? 'resume' : 'pause')}>
        {c.paused ? 'Resume…' : 'Pause…'}
      </Button>
      <Button size="xs" variant="default" onClick={() => setAsked('scale')}>
        Scale…
      </Button>
      {admin ? (
        <Button size="xs" variant="default" onClick={() => setAsked('edit')}>
          Rename, template…
        </Button>
      ) : null}
      {admin ? (
        <Button size="xs" variant="default" c="var(--bad)" onClick={() => setAsked('delete')}>
          Delete…
        </Button>
      ) : null}
      {asked === 'pause' || asked === 'resume' ? <Pause cluster={c} onClose={close} /> : null}
      {asked === 'edit' ? <Edit cluster={c} onClose={close} /> : null}
      {asked === 'scale' ? <Scale cluster={c} onClose={close} /> : null}
      {asked === 'delete' ? <Delete cluster={c} sessions={sessions} onClose={close} /> : null}
    </>
  )
}

interface Props {
  cluster: Cluster
  onClose: () => void
}

function useAct() {
  const queries = useQueryClient()
  return async (call: Promise<unknown>) => {
    await call
    await Promise.all(changed.map((k) => queries.invalidateQueries({ queryKey: [k] })))
  }
}

function Pause({ cluster: c, onClose }: Props) {
  const act = useAct()
  const params = { path: { cluster: c.name } }
  const consequences = c.paused
    ? ['Decisions are acted on again, beginning with the next one, a few seconds from now.', 'Look at the policy’s preview first to see what that will be.']
    : ['Nothing is launched, drained or replaced by the policy until you resume; nodes that fail stay failed.', 'Running transfers go on, and clients are still sent to the nodes that exist.', 'Decisions are still made and recorded, so that you see what would have been done.']
  return (
    <Confirm
      title={c.paused ? `Resume ${c.name}?` : `Pause ${c.name}?`}
      consequences={consequences}
      label={c.paused ? `Resume ${c.name}` : `Pause ${c.name}`}
      failed={`${c.name} is as it was`}
      command={`godwit cluster ${c.paused ? 'resume' : 'pause'} ${c.name}`}
      act={() => act(answer(c.paused ? client.POST('/api/v1/clusters/{cluster}/resume', { params }) : client.POST('/api/v1/clusters/{cluster}/pause', { params })))}
      onClose={onClose}
    />
  )
}

function Scale({ cluster: c, onClose }: Props) {
  const act = useAct()
  const [by, setBy] = useState(c.scale === undefined ? 'hand' : 'policy')
  const [n, setN] = useState<number>(c.scale ?? c.nodes.by_state.running ?? 1)
  const running = c.nodes.by_state.running ?? 0
  const nodes = by === 'policy' ? null : n
  const delta = n - running
  return (
    <Confirm
      title={`Scale ${c.name}`}
      consequences={
        nodes === null
          ? ['The policy decides the number of nodes again.']
          : [
              delta > 0 ? `${plural(delta, 'node')} more than run now: they are launched at the pace of the policy.` : delta < 0 ? `${plural(-delta, 'node')} fewer than run now: they drain first, so no session is cut off.` : 'As many as run now.',
              'It stays at this number, whatever the load, until you give it back to the policy.',
              'The policy’s “nodes at most” holds all the same.',
            ]
      }
      label={nodes === null ? 'Give it back to the policy' : `Set to ${plural(n, 'node')}`}
      failed={`${c.name} was not scaled`}
      ready={nodes === null || Number.isInteger(n)}
      command={`godwit cluster scale ${c.name} ${nodes ?? 'auto'}`}
      act={() => act(answer(client.POST('/api/v1/clusters/{cluster}/scale', { params: { path: { cluster: c.name } }, body: { nodes } })))}
      onClose={onClose}
    >
      <Radio.Group label="Who decides the number of nodes" value={by} onChange={setBy}>
        <div style={{ display: 'grid', gap: 8, marginTop: 6 }}>
          <Radio value="policy" label="the policy" />
          <Radio value="hand" label="I do" />
        </div>
      </Radio.Group>
      {by === 'hand' ? <NumberInput label="Nodes" min={0} max={10_000} allowDecimal={false} value={n} onChange={(v) => setN(Number(v))} /> : null}
    </Confirm>
  )
}

// Edit changes what a cluster is called and what it launches from now on.
function Edit({ cluster: c, onClose }: Props) {
  const act = useAct()
  const navigate = useNavigate()
  const { data } = useQuery(templatesQuery)
  const [name, setName] = useState(c.name)
  const [template, setTemplate] = useState(c.template.name)
  const wrong = name === '' ? 'is needed' : nameFault(name)
  const body = { ...(name !== c.name && { name }), ...(template !== c.template.name && { template }) }
  const consequences = [
    ...(body.name ? [`Clients reach it as ${name}: from now on; ${c.name}: no longer leads here.`] : []),
    ...(body.template ? [`New nodes are launched from ${template}. Running ones keep what they have until they are replaced; the template’s page shows in what they differ.`] : []),
  ]
  return (
    <Confirm
      title={`Change ${c.name}`}
      consequences={consequences.length ? consequences : ['Nothing is changed yet.']}
      label="Change it"
      failed={`${c.name} is as it was`}
      ready={!wrong && consequences.length > 0}
      act={async () => {
        const { etag } = await tagged(client.GET('/api/v1/clusters/{cluster}', { params: { path: { cluster: c.id } } }))
        await act(answer(client.PATCH('/api/v1/clusters/{cluster}', { params: { path: { cluster: c.id }, header: { 'If-Match': etag } }, body })))
        if (body.name) await navigate({ to: '/clusters/$name', params: { name } })
      }}
      onClose={onClose}
    >
      <TextInput label="Name" value={name} maxLength={63} error={wrong} onChange={(e) => setName(e.currentTarget.value)} />
      <NativeSelect label="Template" data={(data?.items ?? []).map((t) => t.name)} value={template} onChange={(e) => setTemplate(e.currentTarget.value)} />
    </Confirm>
  )
}

function Delete({ cluster: c, sessions, onClose }: Props & { sessions: number }) {
  const act = useAct()
  const navigate = useNavigate()
  return (
    <Confirm
      title={`Delete ${c.name}?`}
      consequences={[
        sessions ? `${plural(sessions, 'session')} run through it now: they may finish until the policy’s drain deadline, then they are cut off.` : 'No session runs through it now.',
        `${plural(c.nodes.total, 'node')} drain${c.nodes.total === 1 ? 's' : ''} and end${c.nodes.total === 1 ? 's' : ''}; the cluster goes with the last one.`,
        'Its policy and its versions are removed. Files that were transferred stay where they are.',
        'This cannot be undone.',
      ]}
      label={`Delete ${c.name}`}
      failed={`${c.name} was not deleted`}
      danger
      typed={c.name}
      command={`godwit cluster delete ${c.name}`}
      act={() => act(answer(client.DELETE('/api/v1/clusters/{cluster}', { params: { path: { cluster: c.name } } }))).then(() => navigate({ to: '/clusters' }))}
      onClose={onClose}
    />
  )
}
