import { Button, Skeleton } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { client } from '../api/client'
import { answer } from '../api/refusal'
import type { Template } from '../api/types'
import { who } from '../format/who'
import policy from '../policy/policy.module.css'
import { Ago } from '../ui/Ago'
import { Changes } from '../ui/Changes'
import { Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'
import { linesOf, type Spec } from './spec'

// TemplateVersions are what a template was; an older one can be taken into the draft.
export function TemplateVersions({ template: t, readOnly, onTake }: { template: Template; readOnly: boolean; onTake: (spec: Spec) => void }) {
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ['template-versions', t.name],
    queryFn: ({ signal, pageParam }) =>
      answer(client.GET('/api/v1/templates/{template}/versions', { params: { path: { template: t.name }, query: { limit: 20, ...(pageParam && { cursor: pageParam }) } }, signal })),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor || undefined,
  })
  const list = data?.pages.flatMap((p) => p.items) ?? []
  return (
    <Panel title="Versions" flush>
      <Trouble error={error} what="The versions cannot be read" healed={list.length > 0} />
      {data || error ? null : <Skeleton height={60} m={14} w="auto" />}
      <ol className={policy.versions}>
        {list.map((v, i) => {
          const older = list[i + 1]
          const lines = older ? linesOf(t.provider, older.spec, v.spec) : []
          return (
            <li key={v.version}>
              <div className="row" style={{ justifyContent: 'space-between' }}>
                <span>
                  <strong>Version {v.version}</strong> {v.version === t.version ? <span className="dim">newest</span> : null}
                  {v.author ? ` · ${who(v.author)}` : ''} · <Ago at={v.created_at} />
                </span>
                {readOnly || v.version === t.version ? null : (
                  <Button size="compact-xs" variant="default" onClick={() => onTake(v.spec)}>
                    Take into the draft
                  </Button>
                )}
              </div>
              {lines.length ? <Changes lines={lines} caption={`Changes of version ${v.version}`} /> : <span className="dim">{older ? 'changed nothing' : hasNextPage ? '' : 'the first one'}</span>}
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
