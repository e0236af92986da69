import { Button, Skeleton } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { policyVersionsQuery } from '../clusters/queries'
import type { Policy, PolicyVersion } from '../api/types'
import { who } from '../format/who'
import { Ago } from '../ui/Ago'
import { Changes, type Line } from '../ui/Changes'
import { Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'
import { changes, label, shown } from './draft'
import s from './policy.module.css'

export const linesOf = (before: Policy, after: Policy): Line[] => changes(before, after).map((c) => ({ label: label(c.path), before: shown(c.path, c.before), after: shown(c.path, c.after) }))

interface Props {
  cluster: string
  current: PolicyVersion
  readOnly: boolean
  onRevert: (v: PolicyVersion) => void
}

// Versions are what the policy was, each with what it changed.
export function Versions({ cluster, current, readOnly, onRevert }: Props) {
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(policyVersionsQuery(cluster))
  const [against, setAgainst] = useState<number>()
  const list = data?.pages.flatMap((p) => p.items) ?? []
  return (
    <Panel title="Versions" flush>
      <Trouble error={error} what="The versions cannot be read" healed={list.length > 0} />
      {data ? null : error ? null : <Skeleton height={90} m={14} />}
      <ol className={s.versions}>
        {list.map((v, i) => {
          const older = list[i + 1]
          const isCurrent = v.version === current.version
          const lines = against === v.version ? linesOf(v.policy, current.policy) : older ? linesOf(older.policy, v.policy) : []
          return (
            <li key={v.version}>
              <div className="row" style={{ justifyContent: 'space-between' }}>
                <span>
                  <strong>Version {v.version}</strong> {isCurrent ? <span className="dim">in force</span> : null} · {who(v.author) || 'made with the cluster'} · <Ago at={v.created_at} />
                </span>
                {isCurrent ? null : (
                  <span className="row">
                    <Button size="compact-xs" variant="subtle" aria-pressed={against === v.version} onClick={() => setAgainst(against === v.version ? undefined : v.version)}>
                      {against === v.version ? 'what it changed' : 'compare with now'}
                    </Button>
                    {readOnly ? null : (
                      <Button size="compact-xs" variant="default" onClick={() => onRevert(v)}>
                        Go back to it…
                      </Button>
                    )}
                  </span>
                )}
              </div>
              {against === v.version ? <span className="dim">Since then, up to now:</span> : null}
              {lines.length ? <Changes lines={lines} caption={`Changes of version ${v.version}`} /> : <span className="dim">{against === v.version ? 'the same as now' : older ? 'changed nothing' : i === list.length - 1 && !hasNextPage ? 'the first one' : ''}</span>}
            </li>
          )
        })}
      </ol>
      {hasNextPage ? (
        <div className={ui.more}>
          <Button size="xs" variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Older
          </Button>
        </div>
      ) : null}
    </Panel>
  )
}
