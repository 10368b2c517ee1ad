# frozen_string_literal: true

require_relative 'helper'
require 'rbs'

# The signatures in sig say what is there: each class, each method, its keywords and how many arguments it takes.
class SignaturesTest < Minitest::Test
  def environment
    loader = RBS::EnvironmentLoader.new
    loader.add(path: Pathname(File.expand_path('../sig', __dir__)))
    %w[json].each { |name| loader.add(library: name) if loader.has_library?(library: name, version: nil) }
    RBS::Environment.from_loader(loader).resolve_type_names
  end

  def test_the_signatures_are_valid_and_what_they_declare_is_there
    env = environment
    builder = RBS::DefinitionBuilder.new(env:)
    ours = env.class_decls.keys.select { |name| name.to_s.match?(/\A::Daytona(ApiClient)?::/) }
    assert_operator ours.size, :>, 150
    wrong = ours.flat_map do |name|
      kind = Object.const_get(name.to_s)
      own = ->(definition) { definition.methods.select { |_, method| method.defined_in == name } }
      instance = own.call(builder.build_instance(name))
      single = own.call(builder.build_singleton(name))
      instance.flat_map { |method, it| compared("#{name}##{method}", it) { kind.instance_method(method) } } +
        single.flat_map { |method, it| method == :new ? [] : compared("#{name}.#{method}", it) { kind.method(method) } }
    end
    assert_empty wrong
  end

  def compared(where, declared)
    method = yield
    any = method.parameters.any? { |type, _| %i[rest keyrest].include?(type) }
    has = method.parameters.select { |type, _| %i[key keyreq].include?(type) }.map(&:last)
    declared.method_types.flat_map do |type|
      function = type.type
      keywords = function.required_keywords.keys + function.optional_keywords.keys
      count = function.required_positionals.size + function.optional_positionals.size
      most = method.parameters.count { |kind, _| %i[req opt].include?(kind) }
      wrong = keywords.reject { |name| any || has.include?(name) }.map { |name| "#{where} has no #{name}:" }
      count > most && !any ? wrong + ["#{where} takes #{most} arguments, not #{count}"] : wrong
    end
  rescue NameError
    ["#{where} is not there"]
  end

  def test_each_public_method_is_declared
    env = environment
    builder = RBS::DefinitionBuilder.new(env:)
    kinds = [Daytona::Daytona, Daytona::Sandbox, Daytona::Process, Daytona::FileSystem, Daytona::Git, Daytona::Image,
             Daytona::Stream, Daytona::Chunk, Daytona::PendingCall, Daytona::PtyHandle, Daytona::Files]
    internal = %i[native client_calls made answer invoke invoke_stream info inspect to_s == eql? hash to_json client
                  handle handle= finish report over?]
    missing = kinds.flat_map do |kind|
      declared = builder.build_instance(RBS::TypeName.new(name: kind.name.split('::').last.to_sym,
                                                          namespace: RBS::Namespace.parse('::Daytona::'))).methods.keys
      (kind.public_instance_methods(false) - internal - declared).map { |name| "#{kind}##{name}" }
    end
    assert_empty missing
  end
end
