import { Button, NativeSelect, Skeleton, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useMay } from '../account/may'
import { client } from '../api/client'
import { answer, Refusal } from '../api/refusal'
import { nameFault } from '../clusters/names'
import { taggedSettingsQuery } from '../settings/queries'
import { Same } from '../ui/Copy'
import { Empty, Page, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { useCheck } from './check'
import { cleaned, offered, says, startOf, type Spec } from './spec'
import { SpecForm } from './SpecForm'
import s from './templates.module.css'
import { Verdict } from './Verdict'

export function NewTemplatePage() {
  const admin = useMay('admin')
  const { data, error } = useQuery(taggedSettingsQuery)
  return (
    <Page title="New template" name="New template" lead="Nothing is launched by a template: a cluster does that.">
      {!admin ? (
        <Empty title="Only an administrator makes templates" />
      ) : data ? (
        <Form providers={offered(data.data.providers)} />
      ) : error ? (
        <Trouble error={error} what="What the manager can launch is not known" />
      ) : (
        <Skeleton height={300} />
      )}
    </Page>
  )
}

function Form({ providers }: { providers: string[] }) {
  const [name, setName] = useState('')
  const [provider, setProvider] = useState(providers[0]!)
  const [spec, setSpec] = useState<Spec>(() => startOf(provider, providers))
  const [broken, setBroken] = useState<string>()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const clean = cleaned(spec) ?? {}
  const check = useCheck(provider, clean, true)
  const make = useMutation({
    mutationFn: () => answer(client.POST('/api/v1/templates', { body: { name, provider, spec: clean } })),
    onSuccess: async (t) => {
      await queries.invalidateQueries({ queryKey: ['templates'] })
      await navigate({ to: '/templates/$name', params: { name: t.name } })
    },
  })
  const wrong = nameFault(name)
  const refused = make.error instanceof Refusal ? make.error : undefined
  return (
    <div className={s.split}>
      <div className={s.column}>
        <Panel>
          <div className={s.fields}>
            <TextInput label="Name" required maxLength={63} value={name} error={wrong ?? refused?.field('name')} onChange={(e) => setName(e.currentTarget.value)} data-autofocus />
            <NativeSelect label="Provider" description={`${says(provider) ?? ''} Further clouds are turned on by flags of godwit-manager serve.`} data={providers} value={provider} onChange={(e) => { setProvider(e.currentTarget.value); setSpec(startOf(e.currentTarget.value, providers)) }} />
          </div>
        </Panel>
        <SpecForm key={provider} name={name} provider={provider} spec={spec} faults={check.data?.errors ?? []} readOnly={false} onChange={setSpec} onBroken={setBroken} />
      </div>
      <div className={s.beside}>
        <Panel title="Would it be accepted?">
          <Verdict check={check} broken={broken} />
        </Panel>
        <Trouble error={make.error} what="The template was not made" />
        <div>
          <Button disabled={!name || !!wrong || !!broken || check.data?.valid === false} loading={make.isPending} onClick={() => make.mutate()}>
            Make template
          </Button>
        </div>
        <Same command={`godwit template create ${name || 'NAME'} --provider ${provider}`} />
      </div>
    </div>
  )
}
