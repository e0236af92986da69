import { Button, NumberInput } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useMay } from '../account/may'
import { client } from '../api/client'
import { isRefusal, Refusal, tagged, type Tagged } from '../api/refusal'
import type { ConfigurationVersion, NodeConfiguration } from '../api/types'
import { configurationVersionsQuery } from '../clusters/queries'
import { patch, rebased, same } from '../policy/draft'
import policy from '../policy/policy.module.css'
import { toggled } from '../shell/search'
import { Changes } from '../ui/Changes'
import { Chips } from '../ui/Chips'
import { Confirm } from '../ui/Confirm'
import { Same } from '../ui/Copy'
import { Panel } from '../ui/Page'
import { Stale } from '../ui/Stale'
import { Trouble } from '../ui/Trouble'
import { Versions } from '../ui/Versions'
import s from './configuration.module.css'
import { command, configurationFields, labelOf, linesOf, type ConfigurationField } from './fields'
import { Links } from './Links'
import { RolloutPanel } from './RolloutPanel'

const nouns = ['configuration', 'configuration-versions', 'rollout', 'nodes', 'node']

// ConfigurationEditor holds a draft over the version it was begun from, beside the nodes that take it over.
export function ConfigurationEditor({ cluster, stored }: { cluster: string; stored: Tagged<ConfigurationVersion> }) {
  const readOnly = !useMay('admin')
  const [base, setBase] = useState(stored)
  const [draft, setDraft] = useState(stored.data.configuration)
  const [going, setGoing] = useState<{ version: number; doc: NodeConfiguration }>()
  const queries = useQueryClient()
  const versions = useInfiniteQuery(configurationVersionsQuery(cluster, stored.data.version))
  const was = base.data.configuration
  const body = patch(was, draft)
  const edited = Object.keys(body).length > 0
  const stale = stored.data.version !== base.data.version
  useEffect(() => {
    if (stale && !edited) {
      setBase(stored)
      setDraft(stored.data.configuration)
    }
  }, [stale, edited, stored])
  const settle = (next: Tagged<ConfigurationVersion>) => {
    queries.setQueryData(['configuration', cluster], next)
    setBase(next)
    setDraft(next.data.configuration)
    return Promise.all(nouns.map((k) => queries.invalidateQueries({ queryKey: [k] })))
  }
  const save = useMutation({
    mutationFn: () =>
      tagged(client.PATCH('/api/v1/clusters/{cluster}/configuration', { params: { path: { cluster }, header: { 'If-Match': base.etag } }, body: body as Partial<NodeConfiguration> })),
    onSuccess: settle,
    onError: (e) => (isRefusal(e, 412) ? queries.invalidateQueries({ queryKey: ['configuration', cluster] }) : undefined),
  })
  const adopt = (next: Tagged<ConfigurationVersion>, doc: NodeConfiguration) => {
    save.reset()
    setBase(next)
    setDraft(doc)
  }
  const merged = rebased(was, stored.data.configuration, draft)
  return (
    <>
      {stale && edited ? (
        <Stale
          theirs={{ ...stored.data, at: stored.data.created_at }}
          lines={linesOf(was, stored.data.configuration)}
          clashes={merged.clashes.map(labelOf)}
          onMine={() => adopt(stored, merged.doc)}
          onTheirs={() => adopt(stored, stored.data.configuration)}
        />
      ) : null}
      <div className={policy.split}>
        <div className={s.column}>
          <Panel title="Every node">
            <div className={policy.fields}>
              {configurationFields.map((f) => (
                <Input
                  key={f.name}
                  field={f}
                  value={draft[f.name]}
                  changed={!same(was[f.name], draft[f.name])}
                  error={save.error instanceof Refusal ? save.error.field(f.name) : undefined}
                  readOnly={readOnly}
                  onChange={(v) => {
                    save.reset()
                    setDraft((d) => ({ ...d, [f.name]: v }))
                  }}
                />
              ))}
            </div>
          </Panel>
          <Panel title="Links that all nodes share">
            <p className="dim">Bandwidth that sessions on all nodes of the cluster share: never more together, and nodes without sessions leave theirs to the others. Live, within seconds.</p>
            <Links
              links={draft.links}
              changed={!same(was.links, draft.links)}
              readOnly={readOnly}
              error={(field) => (save.error instanceof Refusal ? save.error.field(field) : undefined)}
              onChange={(links) => {
                save.reset()
                setDraft((d) => ({ ...d, links }))
              }}
            />
          </Panel>
        </div>
        <div className={policy.beside}>
          {readOnly ? null : (
            <Panel title={edited ? 'Your changes' : 'No changes yet'}>
              <div className={policy.preview}>
                {edited ? <Changes lines={linesOf(was, draft)} caption="Your changes" /> : <p className="dim">Version {base.data.version} is in force.</p>}
                <Trouble error={isRefusal(save.error, 412) ? null : save.error} what="Nothing was saved" />
                <div className={policy.save}>
                  <Button disabled={!edited || stale} loading={save.isPending} onClick={() => save.mutate()}>
                    Save version {base.data.version + 1} and roll it out
                  </Button>
                  {edited ? (
                    <Button variant="default" onClick={() => adopt(base, was)}>
                      Undo all
                    </Button>
                  ) : null}
                </div>
                <Same command={command(cluster, body)} />
              </div>
            </Panel>
          )}
          <RolloutPanel cluster={cluster} />
        </div>
      </div>
      <Versions
        list={versions.data?.pages.flatMap((p) => p.items.map((v) => ({ ...v, doc: v.configuration })))}
        error={versions.error}
        current={{ version: stored.data.version, doc: stored.data.configuration }}
        linesOf={linesOf}
        take={readOnly ? undefined : 'Go back to it…'}
        onTake={setGoing}
        more={versions.hasNextPage ? () => void versions.fetchNextPage() : undefined}
      />
      {going ? (
        <Confirm
          title={`Go back to version ${going.version}?`}
          consequences={[
            <Changes key="c" lines={linesOf(stored.data.configuration, going.doc)} caption="What goes back" />,
            `It becomes version ${stored.data.version + 1} and reaches running nodes within seconds.`,
            ...(edited ? ['Your unsaved changes are dropped.'] : []),
          ]}
          label={`Go back to version ${going.version}`}
          failed="The configuration is as it was"
          command={`godwit config revert ${cluster} ${going.version}`}
          act={async () =>
            settle(
              await tagged(
                client.POST('/api/v1/clusters/{cluster}/configuration/revert', { params: { path: { cluster }, header: { 'If-Match': stored.etag } }, body: { version: going.version } }),
              ),
            )
          }
          onClose={() => setGoing(undefined)}
        />
      ) : null}
    </>
  )
}

interface InputProps {
  field: ConfigurationField
  value: unknown
  changed: boolean
  error: string | undefined
  readOnly: boolean
  onChange: (v: unknown) => void
}

function Input({ field: f, value, changed, error, readOnly, onChange }: InputProps) {
  const mark = changed ? 'yes' : undefined
  const help = (
    <>
      <span className={s.how} data-how={f.how}>
        {f.how === 'restart' ? 'restart' : f.how === 'live' ? 'live' : 'live for new sessions'}
      </span>
      {f.help}
    </>
  )
  if (f.kind === 'number') {
    return (
      <NumberInput
        label={f.label}
        description={help}
        inputWrapperOrder={['label', 'input', 'error', 'description']}
        className={policy.field}
        data-changed={mark}
        min={0}
        max={f.max}
        allowDecimal={!f.whole}
        {...(f.unit && { suffix: ` ${f.unit}` })}
        placeholder={f.none}
        readOnly={readOnly}
        hideControls={readOnly}
        {...(readOnly && { variant: 'unstyled' as const })}
        error={error}
        value={value === 0 || value === undefined ? '' : Number(value)}
        onChange={(v) => onChange(v === '' ? 0 : Number(v))}
      />
    )
  }
  const chosen = f.kind === 'some' ? (value as string[] | undefined) ?? [] : value ? [String(value)] : []
  return (
    <div className={`${policy.field} ${policy.wide} ${s.group}`} data-changed={mark}>
      <strong>{f.label}</strong>
      {readOnly ? (
        <span>{chosen.join(', ') || f.none}</span>
      ) : (
        <Chips
          label={f.label}
          options={f.options}
          chosen={chosen.join(',')}
          onToggle={(v) => onChange(f.kind === 'one' ? (chosen[0] === v ? '' : v) : (toggled(chosen.join(',') || undefined, v)?.split(',') ?? []))}
        />
      )}
      <small>
        {help} {chosen.length ? '' : `Now: ${f.none}.`}
      </small>
      {error ? <small className={s.bad}>{error}</small> : null}
    </div>
  )
}
