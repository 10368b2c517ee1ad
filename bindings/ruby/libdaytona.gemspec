# frozen_string_literal: true

require_relative 'lib/libdaytona/generated/tables'

Gem::Specification.new do |spec|
  spec.name = 'libdaytona'
  spec.version = Daytona::Tables::VERSION
  spec.summary = 'Daytona sandboxes, over a native library.'
  spec.description = 'Programs for the official gem `daytona` run after changing the require; beside its names stand ' \
                     'typed calls of every operation, streams, cancellation and limits.'
  spec.authors = ['libdaytona']
  spec.license = 'Apache-2.0'
  spec.homepage = 'https://www.daytona.io'
  spec.required_ruby_version = '>= 3.1'
  # Built by `pack`, which puts the library of one platform inside.
  spec.platform = ENV.fetch('GEM_PLATFORM', Gem::Platform::RUBY)
  spec.files = Dir['lib/**/*', 'sig/**/*.rbs', 'README.md', 'LICENSE', 'official.json', base: __dir__].select do |name|
    File.file?(File.join(__dir__, name))
  end
  spec.require_paths = ['lib']
  spec.add_dependency 'ffi', '~> 1.15'
end
