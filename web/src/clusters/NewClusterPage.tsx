import { Button, NativeSelect, NumberInput, Skeleton, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState, type FormEvent } from 'react'
import { useMay } from '../account/may'
import { client } from '../api/client'
import { answer, Refusal } from '../api/refusal'
import { plural } from '../format/format'
import { newClusterRoute } from '../router'
import { Same } from '../ui/Copy'
import { Empty, Page, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import s from './clusters.module.css'
import { nameFault } from './names'
import { changed, templatesQuery } from './queries'

export function NewClusterPage() {
  const { template: wanted } = newClusterRoute.useSearch()
  // Asked again: a template that was made a moment ago is not in what is known.
  const { data: templates, error, isFetching } = useQuery({ ...templatesQuery, refetchOnMount: 'always' })
  const admin = useMay('admin')
  const list = templates?.items ?? []
  return (
    <Page title="New cluster" name="New cluster" lead="Its nodes are launched at once, as many as the policy’s floor asks for. Everything here can be changed later.">
      <Trouble error={error} what="The templates cannot be read" />
      {!templates || (isFetching && wanted && !list.some((t) => t.name === wanted)) ? (
        error ? null : <Skeleton height={300} />
      ) : !admin ? (
        <Empty title="Only an administrator makes clusters" />
      ) : list.length === 0 ? (
        <Panel>
          <Empty title="A cluster needs a template first">
            <p>A template says what a node is: where it runs, and what it may send and receive.</p>
            <Link to="/templates/new">New template</Link>
          </Empty>
        </Panel>
      ) : (
        <Form templates={list.map((t) => ({ name: t.name, provider: t.provider }))} wanted={wanted} />
      )}
    </Page>
  )
}

interface Wishes {
  name: string
  template: string
  max_nodes: number
  min_available: number
  session_rate_mbps: number
  scale_in_min: number
}

const policyOf = (w: Wishes) => ({ max_nodes: w.max_nodes, min_available: w.min_available, session_rate_mbps: w.session_rate_mbps, scale_in_window_s: Math.round(w.scale_in_min * 60) })

function Form({ templates, wanted }: { templates: { name: string; provider: string }[]; wanted: string | undefined }) {
  const first = templates.find((t) => t.name === wanted) ?? templates[0]!
  const [w, setW] = useState<Wishes>({ name: '', template: first.name, max_nodes: 10, min_available: 2, session_rate_mbps: 100, scale_in_min: 10 })
  const queries = useQueryClient()
  const navigate = useNavigate()
  const make = useMutation({
    mutationFn: () => answer(client.POST('/api/v1/templates/{template}/launch', { params: { path: { template: w.template } }, body: { name: w.name, policy: policyOf(w) } })),
    onSuccess: async (c) => {
      await Promise.all(changed.map((k) => queries.invalidateQueries({ queryKey: [k] })))
      await navigate({ to: '/clusters/$name', params: { name: c.name } })
    },
  })
  const refused = (field: string) => (make.error instanceof Refusal ? make.error.field(field) : undefined)
  const set = <K extends keyof Wishes>(k: K, v: Wishes[K]) => setW((old) => ({ ...old, [k]: v }))
  const number = (k: 'max_nodes' | 'min_available' | 'session_rate_mbps') => ({ value: w[k], required: true, onChange: (v: string | number) => set(k, Number(v)), error: refused(`policy.${k}`) ?? refused(k) })
  const wrong = nameFault(w.name)
  const submit = (e: FormEvent) => {
    e.preventDefault()
    if (w.name && !wrong) make.mutate()
  }
  return (
    <Panel>
      <form className={s.form} onSubmit={submit}>
        <div className={s.fields}>
          <TextInput label="Name" description="Clients see it: godwit cp file NAME:/" required maxLength={63} value={w.name} error={wrong ?? refused('name')} onChange={(e) => set('name', e.currentTarget.value)} data-autofocus />
          <NativeSelect label="Template" description="What a node of it is." data={templates.map((t) => ({ value: t.name, label: `${t.name} (${t.provider})` }))} value={w.template} error={refused('template')} onChange={(e) => set('template', e.currentTarget.value)} />
          <NumberInput label="Available at least" description="Running nodes with room for new clients." min={0} max={w.max_nodes} allowDecimal={false} {...number('min_available')} />
          <NumberInput label="Nodes at most" description="No decision goes beyond it." min={1} allowDecimal={false} {...number('max_nodes')} />
          <NumberInput label="Promised to each session, Mb/s" description="The number of nodes follows this promise." min={0.001} {...number('session_rate_mbps')} />
          <NumberInput label="Shrink after, minutes" description="So long a node must be unneeded." min={0} required value={w.scale_in_min} error={refused('policy.scale_in_window_s')} onChange={(v) => set('scale_in_min', Number(v))} />
        </div>
        <p className="dim">
          {plural(w.min_available, 'node')} of {w.template} will be launched now. Thresholds, schedules, forecast and the rest take sensible defaults; the policy’s page shows what they would do before you change them.
        </p>
        <Trouble error={make.error} what="The cluster was not made" />
        <div className="row">
          <Button type="submit" loading={make.isPending} disabled={!w.name || !!wrong}>
            Make cluster
          </Button>
        </div>
        <Same command={`godwit cluster create ${w.name || 'NAME'} --template ${w.template}`} />
      </form>
    </Panel>
  )
}
