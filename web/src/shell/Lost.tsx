import { Button } from '@mantine/core'
import { Link, useRouter, type ErrorComponentProps } from '@tanstack/react-router'
import { Door } from '../account/Door'
import { Empty } from '../ui/Page'
import { Trouble } from '../ui/Trouble'

export function NotFound() {
  return (
    <Empty title="There is nothing at this address">
      <p>The thing may have been removed, or the link is not complete.</p>
      <Link to="/">Go to the overview</Link>
    </Empty>
  )
}

// Broken stands in for a screen that failed, such as at a start without its manager.
export function Broken({ error, reset }: ErrorComponentProps) {
  const router = useRouter()
  return (
    <Door name="Trouble">
      <Trouble error={error} what="The console cannot show this" />
      <Button
        onClick={() => {
          reset()
          void router.invalidate()
        }}
      >
        Try again
      </Button>
    </Door>
  )
}
