'use strict'
// The names of the official package: each that it exports, each method of its classes, each parameter in its place.

const test = require('node:test')
const assert = require('node:assert/strict')
const path = require('node:path')
const ts = require('typescript')

const OFFICIAL = require.resolve('@daytona/sdk/package.json').replace(/package\.json$/, 'cjs/index.d.ts')
const OURS = path.join(__dirname, '..', 'types', 'index.d.ts')

/** What the official package has and this one does not, and why. */
const LEFT_OUT = {
  'Daytona.createAxiosInstance': 'there is no axios',
  'SnapshotService.processImageContext': 'the library uploads what an image needs',
}

const options = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  module: ts.ModuleKind.Node16,
  moduleResolution: ts.ModuleResolutionKind.Node16,
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts'],
  types: ['node'],
}
const program = ts.createProgram([OFFICIAL, OURS], options)
const checker = program.getTypeChecker()

function exported(file) {
  const symbols = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)))
  return new Map(symbols.map((it) => [it.name, it.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(it) : it]))
}

const official = exported(OFFICIAL)
const ours = exported(OURS)

test('each name that the official package exports is exported', () => {
  assert.deepEqual(
    [...official.keys()].filter((name) => !ours.has(name)),
    [],
  )
})

test('each value that the official package exports is one', () => {
  const values = Object.keys(require('@daytona/sdk'))
  assert.deepEqual(
    values.filter((name) => !(name in require('..'))),
    [],
  )
})

const isPublic = (symbol) =>
  (symbol.declarations ?? []).every(
    (it) => !(ts.getCombinedModifierFlags(it) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)),
  ) &&
  !symbol.name.startsWith('#') &&
  symbol.name !== 'prototype'

/** The parameters of each signature: `name` or `name?`. */
function signatures(symbol) {
  const type = checker.getTypeOfSymbol(symbol)
  return type.getCallSignatures().map((signature) =>
    signature.parameters.map((parameter) => {
      const { declarations } = parameter
      const isOptional = declarations?.some((it) => ts.isParameter(it) && (it.questionToken || it.initializer))
      return parameter.name + (isOptional ? '?' : '')
    }),
  )
}

/** Compares the members of two classes, and of the classes that those have. */
function compare(theirs, own, where, seen, missing) {
  if (seen.has(theirs)) return
  seen.add(theirs)
  for (const member of theirs.getProperties().filter(isPublic)) {
    const name = `${where}.${member.name}`
    if (name in LEFT_OUT || member.name.startsWith('__@')) continue
    const found = own.getProperty(member.name)
    if (!found) {
      missing.push(name)
      continue
    }
    const type = checker.getTypeOfSymbol(member)
    const calls = signatures(found)
    for (const wanted of signatures(member)) {
      const fits = calls.some(
        (has) =>
          wanted.every((parameter, index) => {
            const given = has[index]
            return given === parameter || given === `${parameter}?`
          }) && has.slice(wanted.length).every((parameter) => parameter.endsWith('?')),
      )
      if (!fits)
        missing.push(`${name}(${wanted.join(', ')}), there is ${calls.map((it) => `(${it.join(', ')})`).join(' ')}`)
    }
    const isClass =
      type.symbol &&
      type.symbol.flags & ts.SymbolFlags.Class &&
      /@daytona.sdk/.test(type.symbol.declarations[0].getSourceFile().fileName)
    if (isClass) compare(type, checker.getTypeOfSymbol(found), type.symbol.name, seen, missing)
  }
}

test('each method of the official classes is there, with its parameters in their places', () => {
  const missing = []
  const seen = new Set()
  for (const [name, symbol] of official) {
    if (!(symbol.flags & ts.SymbolFlags.Class) || /Error$/.test(name)) continue
    compare(
      checker.getDeclaredTypeOfSymbol(symbol),
      checker.getDeclaredTypeOfSymbol(ours.get(name)),
      name,
      seen,
      missing,
    )
    const statics = [checker.getTypeOfSymbol(symbol), checker.getTypeOfSymbol(ours.get(name))]
    compare(statics[0], statics[1], name, seen, missing)
  }
  assert.deepEqual(missing, [])
})

test('each error class of the official package has the same parents', () => {
  const theirs = require('@daytona/sdk')
  const own = require('..')
  for (const [name, Class] of Object.entries(theirs)) {
    if (!/^Daytona.*Error$/.test(name)) continue
    for (const [other, Parent] of Object.entries(theirs)) {
      if (!/^Daytona.*Error$/.test(other) || !(Class.prototype instanceof Parent)) continue
      assert.ok(own[name].prototype instanceof own[other], `${name} is a ${other}`)
    }
  }
})

test('each constant of an enumeration of the official package has its value', () => {
  const theirs = require('@daytona/sdk')
  const own = require('..')
  for (const [name, values] of Object.entries(theirs)) {
    if (typeof values !== 'object' || values instanceof Uint8Array) continue
    for (const [key, value] of Object.entries(values)) {
      if (key === 'UNKNOWN_DEFAULT_OPEN_API') continue
      assert.equal(own[name][key], value, `${name}.${key}`)
    }
  }
})

test('each declared method exists', () => {
  const own = require('..')
  for (const [name, symbol] of ours) {
    if (!(symbol.flags & ts.SymbolFlags.Class) || !own[name]) continue
    for (const member of checker.getDeclaredTypeOfSymbol(symbol).getProperties()) {
      const isMethod = member.flags & (ts.SymbolFlags.Method | ts.SymbolFlags.GetAccessor)
      if (!isMethod || !isPublic(member) || member.name.startsWith('__@')) continue
      assert.ok(member.name in own[name].prototype || name === 'CodeRunParams', `${name}.${member.name}`)
    }
  }
})
