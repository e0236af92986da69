import { Button, NativeSelect, Skeleton } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useMay } from '../account/may'
import { client } from '../api/client'
import { nodesQuery } from '../api/queries'
import { answer } from '../api/refusal'
import type { LogLevels } from '../api/types'
import { Ago } from '../ui/Ago'
import { Same } from '../ui/Copy'
import form from '../ui/form.module.css'
import { Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { logLevelsQuery } from './queries'
import s from './settings.module.css'

const levels = ['debug', 'info', 'warn', 'error'].map((v) => ({ value: v, label: v }))
const withUsual = [{ value: '', label: 'as they were started' }, ...levels]
type Level = LogLevels['overrides'][number]['level']

// How long a node logs otherwise, in minutes.
const whiles = [10, 60, 480]

export function LogLevelsPage() {
  const { data, error } = useQuery(logLevelsQuery)
  const { data: nodes } = useQuery(nodesQuery({}))
  const may = useMay('admin')
  const [node, setNode] = useState('')
  const [level, setLevel] = useState<Level>('debug')
  const [minutes, setMinutes] = useState('60')
  const queries = useQueryClient()
  const save = useMutation({
    mutationFn: (body: LogLevels) => answer(client.PUT('/api/v1/log-levels', { params: { header: { 'If-Match': data?.etag ?? '' } }, body })),
    onSettled: () => queries.invalidateQueries({ queryKey: ['log-levels'] }),
  })
  if (!data) return error ? <Trouble error={error} what="The log levels cannot be read" /> : <Skeleton height={200} />
  const v: LogLevels = { manager: data.data.manager, nodes: data.data.nodes, overrides: data.data.overrides }
  const name = (id: string) => nodes?.find((n) => n.id === id)?.name ?? id
  const add = () => {
    if (!node) return
    const until = new Date(Date.now() + Number(minutes) * 60_000).toISOString()
    save.mutate({ ...v, overrides: [...v.overrides.filter((o) => o.node !== node), { node, level, until }] })
  }
  return (
    <>
      <p className={s.lead}>How much is logged. It takes effect at once, without a restart.</p>
      <Trouble error={save.error} what="The log levels were not changed" />
      <Panel title="Everywhere">
        <div className={form.pair}>
          <NativeSelect label="Managers" disabled={!may} data={withUsual} value={v.manager} onChange={(e) => save.mutate({ ...v, manager: e.currentTarget.value as LogLevels['manager'] })} />
          <NativeSelect label="Nodes" description="Unless their cluster’s configuration says otherwise." inputWrapperOrder={['label', 'input', 'description']} disabled={!may} data={withUsual} value={v.nodes} onChange={(e) => save.mutate({ ...v, nodes: e.currentTarget.value as LogLevels['nodes'] })} />
        </div>
      </Panel>
      <Panel title="One node, for a while">
        <div className={form.fields}>
          {v.overrides.length ? (
            <ul className={s.entries}>
              {v.overrides.map((o) => (
                <li key={o.node}>
                  <div className={s.line}>
                    <span>
                      <b>{name(o.node)}</b> logs {o.level}, ends <Ago at={o.until} />
                    </span>
                    {may ? (
                      <Button size="compact-xs" variant="default" onClick={() => save.mutate({ ...v, overrides: v.overrides.filter((x) => x.node !== o.node) })}>
                        End it now
                      </Button>
                    ) : null}
                  </div>
                </li>
              ))}
            </ul>
          ) : (
            <p className="dim">No node logs otherwise than the rest.</p>
          )}
          {may ? (
            <div className={s.bar} style={{ alignItems: 'end' }}>
              <NativeSelect size="xs" label="Node" data={[{ value: '', label: 'choose' }, ...(nodes ?? []).filter((n) => n.state === 'running').slice(0, 500).map((n) => ({ value: n.id, label: n.name }))]} value={node} onChange={(e) => setNode(e.currentTarget.value)} />
              <NativeSelect size="xs" label="Level" data={levels} value={level} onChange={(e) => setLevel(e.currentTarget.value as Level)} />
              <NativeSelect size="xs" label="For" data={whiles.map((m) => ({ value: String(m), label: m < 60 ? `${m} min` : `${m / 60} h` }))} value={minutes} onChange={(e) => setMinutes(e.currentTarget.value)} />
              <Button size="xs" loading={save.isPending} disabled={!node} onClick={add}>
                Log so
              </Button>
            </div>
          ) : null}
        </div>
      </Panel>
      <Same command="godwit loglevel get" />
    </>
  )
}
