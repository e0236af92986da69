import { Button, Skeleton } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { useMay } from '../account/may'
import { client } from '../api/client'
import { isRefusal, tagged, type Tagged } from '../api/refusal'
import type { Template } from '../api/types'
import { templateQuery, templateVersionsQuery } from '../clusters/queries'
import { rebased } from '../policy/draft'
import { templateRoute } from '../router'
import { NotFound } from '../shell/Lost'
import { Ago } from '../ui/Ago'
import { Changes } from '../ui/Changes'
import { Same } from '../ui/Copy'
import { Page, Panel } from '../ui/Page'
import { Stale } from '../ui/Stale'
import { Trouble } from '../ui/Trouble'
import { Versions } from '../ui/Versions'
import { useCheck } from './check'
import { Drift } from './Drift'
import { cleaned, labelOf, linesOf, says, type Spec } from './spec'
import { SpecForm } from './SpecForm'
import { TemplateActions } from './TemplateActions'
import s from './templates.module.css'
import { Verdict } from './Verdict'

export function TemplatePage() {
  const { name } = templateRoute.useParams()
  const { data, error } = useQuery({ ...templateQuery(name), refetchInterval: 15_000 })
  if (isRefusal(error, 404)) return <NotFound />
  if (!data) {
    return (
      <Page title={name} name={name}>
        <Trouble error={error} what="The template cannot be read" />
        {error ? null : <Skeleton height={300} />}
      </Page>
    )
  }
  const t = data.data
  return (
    <Page
      title={t.name}
      name={t.name}
      lead={
        <>
          Template of {t.provider}, version {t.version}, changed <Ago at={t.updated_at} />. {says(t.provider)}{' '}
          {t.clusters.length ? 'Launched by ' : 'No cluster launches it yet.'}
          {t.clusters.map((c, i) => (
            <span key={c.id}>
              {i ? ', ' : ''}
              <Link to="/clusters/$name" params={{ name: c.name }}>
                {c.name}
              </Link>
            </span>
          ))}
        </>
      }
      actions={<TemplateActions template={t} />}
    >
      <Editor key={t.id} stored={data} />
    </Page>
  )
}

function Editor({ stored }: { stored: Tagged<Template> }) {
  const admin = useMay('admin')
  const operator = useMay('operator')
  const queries = useQueryClient()
  const versions = useInfiniteQuery(templateVersionsQuery(stored.data.name, stored.data.version))
  const [base, setBase] = useState(stored)
  const [draft, setDraft] = useState<Spec>(stored.data.spec)
  const [broken, setBroken] = useState<string>()
  const [shape, setShape] = useState(0) // the form is made anew when another draft takes its place
  const t = base.data
  const clean = (cleaned(draft) ?? {}) as Spec
  const was = (cleaned(t.spec) ?? {}) as Spec
  const lines = linesOf(t.provider, was, clean)
  const edited = lines.length > 0
  const stale = stored.data.version !== t.version
  const check = useCheck(t.provider, clean, operator)
  const adopt = (next: Tagged<Template>, spec: Spec) => {
    setBase(next)
    setDraft(spec)
    setShape((n) => n + 1)
  }
  useEffect(() => {
    if (stale && !edited) {
      setBase(stored)
      setDraft(stored.data.spec)
      setShape((n) => n + 1)
    }
  }, [stale, edited, stored])
  const save = useMutation({
    mutationFn: () => tagged(client.PUT('/api/v1/templates/{template}', { params: { path: { template: t.name }, header: { 'If-Match': base.etag } }, body: { spec: clean } })),
    onSuccess: async (next) => {
      queries.setQueryData(['template', t.name], next)
      adopt(next, next.data.spec)
      await Promise.all(['templates', 'template', 'template-versions', 'template-diff', 'cluster'].map((k) => queries.invalidateQueries({ queryKey: [k] })))
    },
    onError: (e) => (isRefusal(e, 412) ? queries.invalidateQueries({ queryKey: ['template', t.name] }) : undefined),
  })
  const merged = rebased(t.spec, stored.data.spec, draft)
  return (
    <>
      {stale && edited ? (
        <Stale
          theirs={{ ...stored.data, at: stored.data.updated_at }}
          lines={linesOf(t.provider, t.spec, stored.data.spec)}
          clashes={merged.clashes.map((p) => labelOf(t.provider, p))}
          onMine={() => { save.reset(); adopt(stored, merged.doc) }}
          onTheirs={() => { save.reset(); adopt(stored, stored.data.spec) }}
        />
      ) : null}
      <div className={s.split}>
        <div className={s.column}>
          <SpecForm key={shape} name={t.name} provider={t.provider} spec={draft} faults={check.data?.errors ?? []} readOnly={!admin} onChange={(v) => { save.reset(); setDraft(v) }} onBroken={setBroken} />
        </div>
        <div className={s.beside}>
          {operator ? (
            <Panel title="Would it be accepted?">
              <Verdict check={check} broken={broken} />
            </Panel>
          ) : null}
          <Drift template={t.name} spec={clean} edited={edited} />
          {admin ? (
            <Panel title={edited ? 'Your changes' : 'No changes yet'}>
              <div style={{ display: 'grid', gap: 12 }}>
                {edited ? <Changes lines={lines} caption="Your changes" /> : <p className="dim">Running nodes keep what they were launched with until they are replaced.</p>}
                <Trouble error={isRefusal(save.error, 412) ? null : save.error} what="Nothing was saved" />
                <div className="row">
                  <Button disabled={!edited || !!broken || check.data?.valid === false || stale} loading={save.isPending} onClick={() => save.mutate()}>
                    Save version {t.version + 1}
                  </Button>
                  {edited || broken ? (
                    <Button variant="default" onClick={() => { save.reset(); adopt(base, t.spec) }}>
                      Undo all
                    </Button>
                  ) : null}
                </div>
              </div>
            </Panel>
          ) : (
            <Panel title="Only to look at">
              <p className="dim">Administrators may change templates.</p>
            </Panel>
          )}
        </div>
      </div>
      <Versions
        list={versions.data?.pages.flatMap((p) => p.items.map((v) => ({ ...v, doc: v.spec })))}
        error={versions.error}
        current={{ version: stored.data.version, doc: stored.data.spec }}
        linesOf={(a, b) => linesOf(t.provider, a, b)}
        take={admin ? 'Take into the draft' : undefined}
        onTake={(v) => { save.reset(); adopt(base, v.doc) }}
        more={versions.hasNextPage ? () => void versions.fetchNextPage() : undefined}
      />
      <Same command={`godwit template get ${t.name} -o yaml`} />
    </>
  )
}
