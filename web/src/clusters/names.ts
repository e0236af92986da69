const nameForm = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/

// nameFault is what is wrong with a name as the API will see it, or nothing.
export const nameFault = (name: string): string | undefined =>
  name === '' ? undefined : name.length > 63 ? 'is longer than 63 characters' : nameForm.test(name) ? undefined : 'has lower-case letters, digits and hyphens only, and neither begins nor ends with a hyphen'
