import { Button, NumberInput, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState, type FormEvent, type ReactNode } from 'react'
import { clustersQuery, liveTransfersQuery, meQuery, nodesQuery } from '../api/queries'
import { useReread } from '../api/reread'
import { answer, Refusal } from '../api/refusal'
import { client } from '../api/client'
import type { AccessKeySecret } from '../api/types'
import { plural } from '../format/format'
import { StateLabel } from '../nodes/state'
import { TransferTable } from '../transfers/TransferTable'
import { Command, Copy, Same } from '../ui/Copy'
import { Page } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { commands, createCluster, createKey, faults, name, type Wishes } from './create'
import s from './start.module.css'

export function FirstRunPage() {
  const { data: clusters } = useQuery(clustersQuery)
  const { data: me } = useQuery(meQuery)
  const [key, setKey] = useState<AccessKeySecret>()
  const [wishes, setWishes] = useState<Wishes>({ min: 1, max: 4, capMbps: 200, path: '/var/tmp/godwit' })
  const made = (clusters?.items.length ?? 0) > 0
  if (me && me.role !== 'admin') {
    return (
      <Page title="Nothing runs here yet" name="First run">
        <p>An administrator makes the first cluster. You are signed in as {me.role}.</p>
      </Page>
    )
  }
  return (
    <Page title="From nothing to the first transfer" name="First run" lead="Three steps, about a minute. Everything made here can be changed or removed later.">
      <div className={s.steps}>
        <Step n={1} state={made ? 'done' : 'now'} title="A cluster on this machine, and a place for files">
          <MakeCluster wishes={wishes} onWishes={setWishes} made={made} onKey={setKey} hasKey={!!key} />
        </Step>
        <Step n={2} state={!made || !key ? 'later' : 'now'} title="Send something">
          <Send accessKey={key} cluster={clusters?.items[0]?.name ?? name} />
        </Step>
        <Step n={3} state={made ? 'now' : 'later'} title="Watch it arrive">
          <Arrival watch={made} accessKey={key?.id} />
        </Step>
      </div>
      <Same command={`godwit template create ${name} --provider local && godwit cluster create ${name} --template ${name} && godwit key create first --path DIR`} />
    </Page>
  )
}

function Step({ n, state, title, children }: { n: number; state: 'now' | 'done' | 'later'; title: string; children: ReactNode }) {
  return (
    <section className={s.step} data-state={state} aria-label={title}>
      <span className={s.mark} aria-hidden="true">
        {state === 'done' ? '✓' : n}
      </span>
      <div className={s.body}>
        <h2>{title}</h2>
        {children}
      </div>
    </section>
  )
}

interface MakeProps {
  wishes: Wishes
  onWishes: (w: Wishes) => void
  made: boolean
  onKey: (k: AccessKeySecret) => void
  hasKey: boolean
}

function MakeCluster({ wishes: w, onWishes, made, onKey, hasKey }: MakeProps) {
  const queries = useQueryClient()
  const wrong = faults(w)
  const make = useMutation({
    mutationFn: async () => {
      if (!made) await createCluster(w)
      return createKeyAnew(w.path)
    },
    onSuccess: onKey,
    onSettled: () => Promise.all(['clusters', 'overview', 'nodes'].map((k) => queries.invalidateQueries({ queryKey: [k] }))),
  })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    if (Object.keys(wrong).length === 0) make.mutate()
  }
  const number = (field: 'min' | 'max' | 'capMbps') => ({
    value: w[field],
    min: 1,
    required: true,
    error: wrong[field],
    disabled: made,
    onChange: (v: string | number) => onWishes({ ...w, [field]: Number(v) }),
  })
  if (hasKey) return <NodesNow />
  return (
    <>
      <p>
        The cluster <code>{name}</code> runs its nodes as processes beside the manager. Each serves clients up to its cap; the policy
        launches more when they get busy and drains them when they are not needed.
      </p>
      <form className={s.form} onSubmit={submit}>
        <NumberInput label="Nodes at least" {...number('min')} />
        <NumberInput label="Nodes at most" {...number('max')} />
        <NumberInput label="Cap of each, Mb/s" {...number('capMbps')} />
        <TextInput
          style={{ gridColumn: '1 / -1' }}
          label="Directory for files"
          description="On the manager’s machine. The access key sees what is below it and nothing else."
          required
          value={w.path}
          error={wrong.path}
          onChange={(e) => onWishes({ ...w, path: e.currentTarget.value })}
        />
        <div data-wide>
          <Trouble error={make.error} what="Not everything was made; what was, stays, and you can try again" />
        </div>
        <div data-wide>
          <Button type="submit" loading={make.isPending}>
            {made ? 'Make an access key' : 'Make cluster and access key'}
          </Button>
        </div>
      </form>
      {made ? <NodesNow /> : null}
    </>
  )
}

// createKeyAnew takes the next free name, since an earlier key's secret can't be shown again.
async function createKeyAnew(path: string): Promise<AccessKeySecret> {
  const taken = await answer(client.GET('/api/v1/access-keys', { params: { query: { limit: 500, revoked: true } } }))
  const names = new Set(taken.items.map((k) => k.name))
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? 'first' : `first-${n}`
    if (names.has(candidate)) continue
    try {
      return await createKey(candidate, path)
    } catch (e) {
      if (!(e instanceof Refusal) || e.status !== 409 || n > 100) throw e
      names.add(candidate)
    }
  }
}

function NodesNow() {
  const { data, refetch } = useQuery(nodesQuery({}))
  useReread(refetch, 3000)
  if (!data) return null
  return (
    <div className="row" aria-live="polite">
      <span className="dim">{plural(data.filter((n) => n.state !== 'terminated').length, 'node')}:</span>
      {data.slice(0, 12).map((n) => (
        <Link key={n.id} to="/nodes/$id" params={{ id: n.id }}>
          {n.name} <StateLabel state={n.state} pool={n.pool} />
        </Link>
      ))}
    </div>
  )
}

function Send({ accessKey: key, cluster }: { accessKey: AccessKeySecret | undefined; cluster: string }) {
  const [folder, setFolder] = useState('./my-files')
  if (!key) return <p>The commands appear here, ready to copy.</p>
  const c = commands(key, folder, cluster)
  return (
    <>
      <p>On the machine that has the files, sign in once. It asks for the secret, which is shown only now:</p>
      <Command text={c.login} testId="login" />
      <div className="row">
        <span>Secret:</span> <code data-testid="secret">{key.secret}</code> <Copy text={key.secret} what="secret" />
      </div>
      <TextInput label="What to send" value={folder} onChange={(e) => setFolder(e.currentTarget.value)} />
      <Command text={c.copy} testId="copy" />
    </>
  )
}

function Arrival({ watch, accessKey }: { watch: boolean; accessKey: string | undefined }) {
  const filter = accessKey ? { access_key: accessKey } : {}
  const live = useQuery({ ...liveTransfersQuery(filter), enabled: watch })
  useReread(live.refetch, 2000)
  const { data: past } = useQuery({
    queryKey: ['first-past', accessKey ?? ''],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/transfers', { params: { query: { limit: 5, state: ['done', 'failed'], ...filter } }, signal })),
    enabled: watch,
    refetchInterval: 2000,
  })
  const running = live.data?.items ?? []
  if (running.length) return <TransferTable transfers={running} live />
  if (past?.items.length) {
    const good = past.items.some((t) => t.state === 'done')
    return (
      <>
        <p>{good ? 'It arrived: every block was hashed when read and verified when written.' : 'It did not get through; the reason is below.'}</p>
        <TransferTable transfers={past.items} />
        <div>
          <Link to="/">Go to the overview</Link>
        </div>
      </>
    )
  }
  return <p>{watch ? 'Waiting for the first transfer…' : 'The first transfer shows here while it runs.'}</p>
}
