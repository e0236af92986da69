import { Button, Skeleton } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { client } from '../api/client'
import { answer, tagged } from '../api/refusal'
import type { Notification } from '../api/types'
import { plural } from '../format/format'
import { Ago } from '../ui/Ago'
import { Confirm } from '../ui/Confirm'
import { Same } from '../ui/Copy'
import { Empty, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { NewNotification } from './NewNotification'
import { deliveriesQuery, notificationsQuery } from './queries'
import s from './settings.module.css'

const words = { idle: 'nothing was sent yet', ok: 'works', failing: 'fails', off: 'is off' } as const

export const whereTo = (n: Pick<Notification, 'kind' | 'target'>): string => (n.kind === 'webhook' ? (n.target.url ?? '') : `${(n.target.to ?? []).join(', ')} by ${n.target.host ?? ''}`)

export function NotificationsPage() {
  const { data: list, error } = useQuery(notificationsQuery)
  const [making, setMaking] = useState(false)
  return (
    <>
      <div className={s.bar}>
        <p className={s.lead}>Who is told when a condition opens or closes. What cannot be delivered waits and is tried again for three days; nothing is lost by a restart.</p>
        <Button size="sm" onClick={() => setMaking(true)}>
          New notification
        </Button>
      </div>
      <Trouble error={error} what="The notifications cannot be read" healed={!!list} />
      <Panel flush label="Notifications">
        {!list ? (
          error ? null : <Skeleton height={120} />
        ) : list.length ? (
          <ul className={s.entries}>
            {list.map((n) => (
              <Target key={n.id} n={n} />
            ))}
          </ul>
        ) : (
          <Empty title="Nobody is told">
            <p>Let a webhook or a mail say when credentials fail, a quota is reached or a minimum cannot be held.</p>
          </Empty>
        )}
      </Panel>
      <Same command="godwit notification list" />
      {making ? <NewNotification onClose={() => setMaking(false)} /> : null}
    </>
  )
}

function Target({ n }: { n: Notification }) {
  const [open, setOpen] = useState(false)
  const [ending, setEnding] = useState(false)
  const queries = useQueryClient()
  const refresh = () => Promise.all([['notifications'], ['deliveries', n.id]].map((queryKey) => queries.invalidateQueries({ queryKey })))
  const params = { path: { notification: n.id } }
  const test = useMutation({ mutationFn: () => answer(client.POST('/api/v1/notifications/{notification}/test', { params })), onSettled: refresh })
  const retry = useMutation({ mutationFn: () => answer(client.POST('/api/v1/notifications/{notification}/retry', { params })), onSettled: refresh })
  const flip = useMutation({
    mutationFn: async () => {
      const { etag } = await tagged(client.GET('/api/v1/notifications/{notification}', { params }))
      return answer(client.PATCH('/api/v1/notifications/{notification}', { params: { ...params, header: { 'If-Match': etag } }, body: { enabled: !n.enabled } }))
    },
    onSettled: refresh,
  })
  const waits = [n.waiting ? `${plural(n.waiting, 'delivery', 'deliveries')} waiting` : '', n.failed ? `${n.failed} given up` : ''].filter(Boolean).join(', ')
  return (
    <li className={n.enabled ? undefined : s.dimmed}>
      <div className={s.line}>
        <span>
          <b>{n.name}</b> <span className="dim">{n.kind} to</span> <code>{whereTo(n)}</code>
          <span className={s.tag} data-state={n.state}>
            {words[n.state]}
          </span>
        </span>
        {n.last_sent_at ? (
          <span className="dim">
            last <Ago at={n.last_sent_at} />
          </span>
        ) : null}
      </div>
      {n.last_error && n.state === 'failing' ? <p style={{ color: 'var(--bad)' }}>{n.last_error}</p> : null}
      <p className="dim">{filterText(n)}{waits ? ` · ${waits}` : ''}</p>
      <div className="row">
        <Button size="compact-xs" variant="default" loading={test.isPending} onClick={() => test.mutate()}>
          Send a test
        </Button>
        {n.failed ? (
          <Button size="compact-xs" variant="default" loading={retry.isPending} onClick={() => retry.mutate()}>
            Try again what was given up
          </Button>
        ) : null}
        <Button size="compact-xs" variant="default" loading={flip.isPending} onClick={() => flip.mutate()}>
          {n.enabled ? 'Turn off' : 'Turn on'}
        </Button>
        <Button size="compact-xs" variant="default" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? 'Hide deliveries' : 'Deliveries'}
        </Button>
        <Button size="compact-xs" variant="default" c="var(--bad)" onClick={() => setEnding(true)}>
          Delete…
        </Button>
        {test.data ? (
          <span role="status" style={{ color: test.data.sent ? 'var(--good)' : 'var(--bad)' }}>
            {test.data.sent ? 'The test was taken.' : `The test was not taken: ${test.data.error ?? 'no answer'}`}
          </span>
        ) : null}
      </div>
      <Trouble error={test.error ?? flip.error ?? retry.error} what={`${n.name} could not be reached`} />
      {open ? <Deliveries id={n.id} /> : null}
      {ending ? (
        <Confirm
          title={`Delete ${n.name}?`}
          consequences={['Nobody is told by it any more.', n.waiting ? `${plural(n.waiting, 'delivery', 'deliveries')} that wait are dropped.` : 'Nothing waits to be delivered.']}
          label="Delete it"
          danger
          command={`godwit notification delete ${n.name}`}
          failed="It was not deleted"
          act={() => answer(client.DELETE('/api/v1/notifications/{notification}', { params }))}
          onDone={refresh}
          onClose={() => setEnding(false)}
        />
      ) : null}
    </li>
  )
}

function filterText(n: Notification): string {
  const f = n.filter
  const when = f.events?.length === 1 ? (f.events[0] === 'opened' ? 'when one opens' : 'when one closes') : 'when one opens or closes'
  return [f.kinds?.length ? f.kinds.join(', ').replaceAll('_', ' ') : 'all conditions', f.clusters?.length ? `of ${f.clusters.join(', ')}` : 'of all clusters', when].join(' ')
}

function Deliveries({ id }: { id: string }) {
  const { data, error } = useQuery(deliveriesQuery(id))
  if (!data) return error ? <Trouble error={error} what="The deliveries cannot be read" /> : <Skeleton height={40} />
  if (!data.items.length) return <p className="dim">Nothing was to be told yet.</p>
  return (
    <ul className={s.more} style={{ listStyle: 'none', margin: 0 }}>
      {data.items.map((d) => (
        <li key={d.id}>
          <b>{d.state}</b> {d.event.replace('.', ' ')} <Ago at={d.created_at} />
          {d.attempts > 1 ? <span className="dim"> after {d.attempts} attempts</span> : null}
          {d.next_at ? (
            <span className="dim">
              , next try <Ago at={d.next_at} />
            </span>
          ) : null}
          {d.last_error ? <div style={{ color: d.state === 'sent' ? 'var(--ink-3)' : 'var(--bad)' }}>{d.last_error}</div> : null}
        </li>
      ))}
    </ul>
  )
}
