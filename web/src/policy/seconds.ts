export const units = { s: 1, min: 60, h: 3600 } as const
export type Unit = keyof typeof units

// unitOf is the largest unit that shows a duration as a whole number.
export function unitOf(seconds: number): Unit {
  if (seconds > 0 && seconds % 3600 === 0) return 'h'
  if (seconds > 0 && seconds % 60 === 0) return 'min'
  return 's'
}
