// Mark is the bird.
export function Mark({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#0d5f5a" />
      <path
        d="M4 12.5c4.600-.6 8 .9 11 4.300C17.300 12 21.500 8.600 28 8c-3.600 2.200-6 5-7.300 8.700-1.200 3.500-3.200 6-6.200 7.800.9-2.600.9-4.900-.2-6.800C11.900 14.500 8.500 13 4 12.500Z"
        fill="#fff"
      />
    </svg>
  )
}
