import { Button } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useMay } from '../account/may'
import { client } from '../api/client'
import { isRefusal, tagged, type Tagged } from '../api/refusal'
import type { Policy, PolicyVersion } from '../api/types'
import { changed, policyVersionsQuery } from '../clusters/queries'
import { plural } from '../format/format'
import { Changes } from '../ui/Changes'
import { Confirm } from '../ui/Confirm'
import { Same } from '../ui/Copy'
import { Panel } from '../ui/Page'
import { Stale } from '../ui/Stale'
import { Trouble } from '../ui/Trouble'
import { Versions } from '../ui/Versions'
import { command, known, label, patch, rebased, same, valueAt, withValue } from './draft'
import { headline } from './deeds'
import { FieldInput } from './FieldInput'
import { sections } from './fields'
import { Forecast } from './Forecast'
import { linesOf } from './lines'
import { faultsOf, usePreview } from './preview'
import { PreviewPanel } from './PreviewPanel'
import s from './policy.module.css'
import { Schedules } from './Schedules'
import { Thresholds } from './Thresholds'
import { WhatIf } from './WhatIf'

// PolicyEditor holds a draft over the version it was begun from, which stays put while another is stored beneath it.
export function PolicyEditor({ cluster, stored }: { cluster: string; stored: Tagged<PolicyVersion> }) {
  const may = useMay('operator') // to save: everybody may try and look
  const [base, setBase] = useState(stored)
  const [draft, setDraft] = useState<Policy>(stored.data.policy)
  const [reverting, setReverting] = useState<PolicyVersion>()
  const queries = useQueryClient()
  const versions = useInfiniteQuery(policyVersionsQuery(cluster, stored.data.version))
  const body = patch(base.data.policy, draft)
  const edited = Object.keys(body).length > 0
  const stale = stored.data.version !== base.data.version

  // Without a draft of one's own there is nothing to lose: the page follows what is stored.
  useEffect(() => {
    if (stale && !edited) {
      setBase(stored)
      setDraft(stored.data.policy)
    }
  }, [stale, edited, stored])

  const preview = usePreview(cluster, body)
  const settle = (next: Tagged<PolicyVersion>) => {
    queries.setQueryData(['policy', cluster], next)
    setBase(next)
    setDraft(next.data.policy)
    return Promise.all(changed.map((k) => queries.invalidateQueries({ queryKey: [k] })))
  }
  const write = (change: Partial<Policy>) =>
    tagged(client.PATCH('/api/v1/clusters/{cluster}/policy', { params: { path: { cluster }, header: { 'If-Match': base.etag } }, body: change }))
  const save = useMutation({
    mutationFn: () => write(body as Partial<Policy>),
    onSuccess: settle,
    onError: (e) => (isRefusal(e, 412) ? queries.invalidateQueries({ queryKey: ['policy', cluster] }) : undefined),
  })
  const set = (path: string, value: unknown) => {
    save.reset()
    setDraft((d) => withValue(d, path, value))
  }
  const fault = (path: string) => faultsOf(save.error)(path) ?? faultsOf(preview.error)(path)
  const warnings = preview.error ? [] : (preview.then?.warnings ?? [])
  const has = known(draft)
  const merged = rebased(base.data.policy, stored.data.policy, draft)
  return (
    <>
      {stale && edited ? (
        <Stale
          theirs={{ ...stored.data, at: stored.data.created_at }}
          lines={linesOf(base.data.policy, stored.data.policy)}
          clashes={merged.clashes.map(label)}
          onMine={() => {
            save.reset()
            setBase(stored)
            setDraft(merged.doc)
          }}
          onTheirs={() => {
            save.reset()
            setBase(stored)
            setDraft(stored.data.policy)
          }}
        />
      ) : null}
      <div className={s.split}>
        <div className={s.column}>
          {sections.map((x) => {
            const shownFields = x.fields.filter((f) => has.has(f.path))
            if (!shownFields.length) return null
            const inner = (
              <>
                <p className={s.lead}>{x.lead}</p>
                {x.title === 'Full and free' ? (
                  <Thresholds cluster={cluster} min={draft.min_threshold} max={draft.max_threshold} onChange={(which, v) => set(`${which}_threshold`, v)} />
                ) : null}
                {x.title === 'Forecast' ? <Forecast cluster={cluster} /> : null}
                <div className={s.fields}>
                  {shownFields.map((f) => (
                    <FieldInput key={f.path} field={f} value={valueAt(draft, f.path)} error={fault(f.path)} warning={warnings.find((x) => x.field === f.path)?.text} changed={!same(valueAt(base.data.policy, f.path), valueAt(draft, f.path))} onChange={(v) => set(f.path, v)} />
                  ))}
                </div>
              </>
            )
            return (
              <Panel key={x.title} title={x.title}>
                {x.folded ? (
                  <details open={shownFields.some((f) => fault(f.path)) || undefined}>
                    <summary>{plural(shownFields.length, 'setting')}, rarely changed</summary>
                    <div style={{ marginTop: 12 }}>{inner}</div>
                  </details>
                ) : (
                  inner
                )}
              </Panel>
            )
          })}
          <Panel title="Schedules">
            <p className={s.lead}>Hours at which the floors are higher, so that nodes wait for a crowd and not the other way round.</p>
            <Schedules schedules={draft.schedules} floors={draft} error={fault} warnings={warnings} floorsAhead={preview.then?.schedule.intervals ?? []} onChange={(v) => set('schedules', v)} />
          </Panel>
        </div>
        <div className={s.beside}>
          <PreviewPanel {...preview} edited={edited} />
            <Panel title={edited ? 'Your changes' : 'No changes yet'}>
              <div className={s.preview}>
                {edited ? <Changes lines={linesOf(base.data.policy, draft)} caption="Your changes" /> : <p className="dim">Version {base.data.version} is in force.</p>}
                <Trouble error={isRefusal(save.error, 412) ? null : save.error} what="Nothing was saved" />
                <div className={s.save}>
                  {may ? (
                    <Button disabled={!edited || !!preview.error || stale} loading={save.isPending} onClick={() => save.mutate()}>
                      Save version {base.data.version + 1}
                    </Button>
                  ) : (
                    <p className="dim">Try what you like; operators and administrators may save.</p>
                  )}
                  {edited ? (
                    <Button variant="default" onClick={() => { save.reset(); setDraft(base.data.policy) }}>
                      Undo all
                    </Button>
                  ) : null}
                </div>
                <Same command={command(cluster, body)} />
              </div>
            </Panel>
        </div>
      </div>
      <WhatIf cluster={cluster} body={body} edited={edited} />
      {edited && may ? (
        <div className={s.pocket}>
          <p>{preview.error ? 'It would be refused: see the fields.' : preview.then ? headline(preview.now?.plan, preview.then.plan) : '…'}</p>
          <Button size="sm" disabled={!!preview.error || stale} loading={save.isPending} onClick={() => save.mutate()}>
            Save
          </Button>
        </div>
      ) : null}
      <Versions
        list={versions.data?.pages.flatMap((p) => p.items.map((v) => ({ ...v, doc: v.policy })))}
        error={versions.error}
        current={{ version: stored.data.version, doc: stored.data.policy }}
        linesOf={linesOf}
        take={may ? 'Go back to it…' : undefined}
        onTake={(v) => setReverting({ ...v, policy: v.doc } as PolicyVersion)}
        more={versions.hasNextPage ? () => void versions.fetchNextPage() : undefined}
      />
      {reverting ? (
        <Confirm
          title={`Go back to version ${reverting.version}?`}
          consequences={[
            <Changes key="c" lines={linesOf(stored.data.policy, reverting.policy)} caption="What goes back" />,
            `It becomes version ${stored.data.version + 1}; nothing of the history is lost, and you can go forward again.`,
            ...(edited ? ['Your unsaved changes are dropped.'] : []),
          ]}
          label={`Go back to version ${reverting.version}`}
          failed="The policy is as it was"
          command={`godwit policy revert ${cluster} ${reverting.version}`}
          act={async () =>
            settle(
              await tagged(
                client.POST('/api/v1/clusters/{cluster}/policy/revert', { params: { path: { cluster }, header: { 'If-Match': stored.etag } }, body: { version: reverting.version } }),
              ),
            )
          }
          onClose={() => setReverting(undefined)}
        />
      ) : null}
    </>
  )
}
