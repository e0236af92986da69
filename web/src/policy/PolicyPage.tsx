import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ClusterTabs } from '../clusters/parts'
import { policyQuery } from '../clusters/queries'
import { isRefusal } from '../api/refusal'
import { policyRoute } from '../router'
import { NotFound } from '../shell/Lost'
import { Page } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { PolicyEditor } from './PolicyEditor'

export function PolicyPage() {
  const { name } = policyRoute.useParams()
  const { data, error } = useQuery({ ...policyQuery(name), refetchInterval: 10_000 })
  if (isRefusal(error, 404)) return <NotFound />
  return (
    <Page
      title={
        <>
          <Link to="/clusters/$name" params={{ name }}>
            {name}
          </Link>{' '}
          · policy
        </>
      }
      name={`Policy of ${name}`}
      lead="Change what you like: beside it stands what would be decided now. Nothing is stored until you save."
    >
      <ClusterTabs name={name} />
      <Trouble error={error} what="The policy cannot be read" healed={!!data} />
      {data ? <PolicyEditor key={name} cluster={name} stored={data} /> : error ? null : <Skeleton height={400} />}
    </Page>
  )
}
