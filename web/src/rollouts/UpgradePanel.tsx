import { Button } from '@mantine/core'
import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useMay } from '../account/may'
import { client } from '../api/client'
import { answer } from '../api/refusal'
import type { Cluster } from '../api/types'
import { changed } from '../clusters/queries'
import { plural } from '../format/format'
import { useDrift } from '../nodes/drift'
import { Ago } from '../ui/Ago'
import { Confirm } from '../ui/Confirm'
import { Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { progress, underWay } from './progress'
import s from './rollouts.module.css'

const rolloutsQuery = (cluster: string) =>
  queryOptions({
    queryKey: ['rollouts', cluster],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/clusters/{cluster}/rollouts', { params: { path: { cluster }, query: { limit: 1 } }, signal })),
    refetchInterval: (q) => (underWay(q.state.data?.items[0]) ? 1_000 : 5_000),
  })

type Verb = 'start' | 'pause' | 'resume' | 'abort'

// UpgradePanel shows nodes being replaced by those of a newer version of their template, and what can be done about it.
// Without any that differ, and nothing to tell, it is not there.
export function UpgradePanel({ cluster: c }: { cluster: Cluster }) {
  const { data, error } = useQuery(rolloutsQuery(c.name))
  const behind = useDrift(c.name).size
  const operator = useMay('operator')
  const [asked, setAsked] = useState<Verb>()
  const r = data?.items[0]
  const rolls = underWay(r)
  if (!rolls && !behind && r?.state !== 'rolled_back') return null
  const p = r ? progress(r) : undefined
  const verbs: [Verb, string][] = rolls ? [r?.state === 'paused' ? ['resume', 'Resume rollout…'] : ['pause', 'Pause rollout…'], ['abort', 'Give up rollout…']] : [['start', 'Replace nodes…']]
  return (
    <Panel title="Upgrade" aside={<Link to="/nodes" search={{ cluster: c.name }}>all nodes</Link>}>
      <Trouble error={error} what="The rollout cannot be read" healed={!!data} />
      <div className={s.upgrade}>
        {r && p && (rolls || r.state === 'rolled_back') ? (
          <>
            <div className={s.track} role="progressbar" aria-label="Nodes replaced" aria-valuemin={0} aria-valuemax={r.total} aria-valuenow={r.replaced}>
              <i data-state={r.state} style={{ width: `${p.done * 100}%` }} />
            </div>
            <p role="status" className={s.said}>
              {p.text}
            </p>
            {p.detail ? <p className={r.state === 'rolled_back' ? s.bad : 'dim'}>{p.detail}</p> : null}
            <p className="dim">
              Begun <Ago at={r.started_at} />
              {r.from.version ? `; back to version ${r.from.version} if it fails` : ''}.
            </p>
          </>
        ) : (
          <p>{behind === 1 ? 'One node differs from the template and keeps what it has until another takes its place.' : `${plural(behind, 'node')} differ from the template and keep what they have until others take their place.`}</p>
        )}
        {operator && !c.deleting ? (
          <div className={s.acts}>
            {verbs.map(([verb, label]) => (
              <Button key={verb} size="xs" variant="default" onClick={() => setAsked(verb)}>
                {label}
              </Button>
            ))}
          </div>
        ) : null}
      </div>
      {asked ? <Ask cluster={c} verb={asked} behind={behind} onClose={() => setAsked(undefined)} /> : null}
    </Panel>
  )
}

const words: Record<Verb, { title: (c: string) => string; command: (c: string) => string; label: string; failed: string; consequences: string[] }> = {
  start: {
    title: (c) => `Replace the nodes of ${c} that are behind?`,
    command: (c) => `godwit rollout start ${c}`,
    label: 'Start the rollout',
    failed: 'No rollout was started',
    consequences: [
      'New nodes come first; an old one drains when another serves in its place. Running transfers go on.',
      'Should too many new nodes come to nothing, it is rolled back by itself: old nodes serve on.',
      'Surge and limits are those of the policy (rollout).',
    ],
  },
  pause: { title: (c) => `Hold the rollout of ${c}?`, command: (c) => `godwit rollout pause ${c}`, label: 'Pause the rollout', failed: 'The rollout goes on', consequences: ['Nothing more is launched or drained for it until you resume. Nodes that drain already go on draining.'] },
  resume: { title: (c) => `Let the rollout of ${c} go on?`, command: (c) => `godwit rollout resume ${c}`, label: 'Resume the rollout', failed: 'The rollout is as it was', consequences: ['It goes on with the next decision, a few seconds from now.'] },
  abort: {
    title: (c) => `Give up the rollout of ${c}?`,
    command: (c) => `godwit rollout abort ${c}`,
    label: 'Give up the rollout',
    failed: 'The rollout is as it was',
    consequences: ['New nodes that do not serve yet are ended; those that serve stay.', 'Nothing more is drained, and from now on nodes are launched from the version before.'],
  },
}

function Ask({ cluster: c, verb, behind, onClose }: { cluster: Cluster; verb: Verb; behind: number; onClose: () => void }) {
  const queries = useQueryClient()
  const params = { path: { cluster: c.name } }
  const call = () => {
    switch (verb) {
      case 'start':
        return answer(client.POST('/api/v1/clusters/{cluster}/rollout', { params, body: {} }))
      case 'pause':
        return answer(client.POST('/api/v1/clusters/{cluster}/rollout/pause', { params }))
      case 'resume':
        return answer(client.POST('/api/v1/clusters/{cluster}/rollout/resume', { params }))
      case 'abort':
        return answer(client.POST('/api/v1/clusters/{cluster}/rollout/abort', { params }))
    }
  }
  const w = words[verb]
  return (
    <Confirm
      title={w.title(c.name)}
      consequences={verb === 'start' && behind ? [behind === 1 ? 'The node that differs from the template is replaced.' : `${plural(behind, 'node')} that differ from the template are replaced.`, ...w.consequences] : w.consequences}
      label={w.label}
      failed={w.failed}
      command={w.command(c.name)}
      act={async () => {
        await call()
        await Promise.all([...changed, 'rollouts'].map((k) => queries.invalidateQueries({ queryKey: [k] })))
      }}
      onClose={onClose}
    />
  )
}
