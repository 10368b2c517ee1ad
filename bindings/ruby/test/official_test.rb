# frozen_string_literal: true

require_relative 'helper'
require 'pp'

# The names of the official gem 0.205.1 (official_surface.json): each class, each method, each parameter in its place. A
# parameter that may be left out ends with `=` where it has a place, with `?` where it is a keyword.
class OfficialTest < Minitest::Test
  SURFACE = JSON.parse(File.read(File.join(__dir__, 'official_surface.json')))

  # What the official gem has and this one does not, and why.
  LEFT_OUT = {
    'Daytona#initialize' => 'keywords are taken too',
    'Config#initialize' => 'it has more keywords',
    'SnapshotService#list source_sandbox_id?' => 'the library does not have it',
    'Image#initialize' => 'an image begins with base, debian_slim or from_dockerfile',
    'SessionExecuteResponse#initialize' => 'answers are made of the JSON',
    'SessionCommandLogsResponse#initialize' => 'answers are made of the JSON',
    'GitCommitResponse#initialize' => 'answers are made of the JSON',
    'ExecuteResponse#initialize' => 'answers are made of the JSON',
    'ExecutionError#initialize' => 'answers are made of the JSON',
    'PaginatedResource#initialize' => 'answers are made of the JSON',
    'ListSecretsResponse#initialize' => 'answers are made of the JSON',
    'SessionExecuteResponse#additional_properties' => 'unknown fields are in to_h',
    'Charts.map_element' => 'elements are records already',
    'Snapshot.id?' => 'the server tells ids from names'
  }.freeze

  def method_of(kind, name)
    return kind.method(name.delete_prefix('self.')) if name.start_with?('self.')

    kind.instance_method(name)
  end

  # The parameters of a method as the file has them.
  def spelt(method)
    method.parameters.filter_map do |type, name|
      { req: name.to_s, opt: "#{name}=", keyreq: name.to_s, key: "#{name}?", rest: "*#{name}" }[type]
    end
  end

  def test_each_class_of_the_official_gem_is_there
    assert_empty(SURFACE.keys.reject { |name| Daytona.const_defined?(name) })
  end

  def test_each_method_is_there_with_its_parameters
    missing = SURFACE.flat_map do |name, methods|
      kind = Daytona.const_get(name)
      methods.flat_map do |method, wanted|
        where = method.start_with?('self.') ? "#{name}.#{method.delete_prefix('self.')}" : "#{name}##{method}"
        next [] if LEFT_OUT.key?(where)

        fitting(kind, method, where, wanted)
      end
    end
    assert_empty missing
  end

  def fitting(kind, method, where, wanted)
    found = method_of(kind, method)
    takes_any = found.parameters.any? { |type, _| %i[keyrest rest].include?(type) }
    has = spelt(found)
    positions = ->(list) { list.reject { |it| it.end_with?('?') || it.start_with?('*') } }
    absent = wanted.reject { |it| has.include?(it) || has.include?("#{it}?") || LEFT_OUT.key?("#{where} #{it}") }
    absent.reject! { |it| takes_any || it.start_with?('*') || positions.call(has).include?("#{it}=") }
    absent.map { |it| "#{where}: #{it}, there is #{has.join(', ')}" }
  rescue NameError
    ["#{where}: not there"]
  end

  def test_each_error_class_has_the_official_parent
    parents = {
      'InternalServerError' => 'ServerError', 'BadGatewayError' => 'ServerError',
      'ServiceUnavailableError' => 'ServerError', 'ServerError' => 'Error',
      'ConnectionTimeoutError' => 'ConnectionError',
      'GitAuthFailedError' => 'AuthenticationError', 'GitRepoNotFoundError' => 'NotFoundError',
      'GitBranchNotFoundError' => 'NotFoundError', 'GitBranchExistsError' => 'ConflictError',
      'GitPushRejectedError' => 'ConflictError', 'GitDirtyWorktreeError' => 'ConflictError',
      'GitMergeConflictError' => 'ConflictError', 'GitTransportFailedError' => 'BadGatewayError',
      'GitRemoteRejectedError' => 'UnprocessableEntityError', 'FileNotFoundError' => 'NotFoundError',
      'FileAccessDeniedError' => 'ForbiddenError', 'InvalidFilePathError' => 'BadRequestError',
      'FileReadFailedError' => 'InternalServerError', 'LspServerNotInitializedError' => 'BadRequestError',
      'ProcessExecutionTimeoutError' => 'TimeoutError', 'ProcessNotFoundError' => 'NotFoundError',
      'SessionEndedError' => 'GoneError', 'CommandAlreadyCompletedError' => 'GoneError',
      'A11yUnavailableError' => 'ServiceUnavailableError', 'RecordingStillActiveError' => 'ConflictError',
      'RecordingFfmpegNotFoundError' => 'ServiceUnavailableError'
    }
    parents.each do |name, parent|
      assert_equal Daytona::Sdk.const_get(parent), Daytona::Sdk.const_get(name).superclass, name
    end
    assert_same Daytona::Sdk::BadRequestError, Daytona::Sdk::ValidationError
    error = Daytona::Sdk::Error.new('gone', status_code: 404, code: 'C', source: 'S', headers: { 'a' => 'b' })
    assert_equal ['gone', 404, 'C', 'S', { 'a' => 'b' }],
                 [error.message, error.status_code, error.code, error.source, error.headers]
  end

  def test_constants_have_the_official_values
    assert_equal %i[javascript python typescript], Daytona::CodeLanguage::ALL
    assert_equal :typescript, Daytona::LspServer::Language::TYPESCRIPT
    assert_equal 'started', Daytona::SandboxState::STARTED
    assert_equal 'createdAt', Daytona::SandboxListSortField::CREATED_AT
    assert_equal 'desc', Daytona::SandboxListSortDirection::DESC
    assert_equal 'line', Daytona::Charts::ChartType::LINE
    assert_equal 60, Daytona::Sandbox::DEFAULT_TIMEOUT
    assert_equal 'DAYTONA_API', Daytona::Sdk::SOURCE_API
  end

  def test_parameters_compare_print_and_become_hashes
    resources = Daytona::Resources.new(cpu: 2, gpu_type: 'H100')
    assert_equal({ cpu: 2, gpu_type: 'H100' }, resources.to_h)
    assert_equal '{"cpu":2,"gpuType":"H100"}', resources.to_json
    assert_equal Daytona::Resources.new(cpu: 2, gpu_type: 'H100'), resources
    assert_raises(ArgumentError) { Daytona::Resources.new(colour: 'red') }
    assert_raises(ArgumentError) { Daytona::CreateSandboxFromImageParams.new }
    params = Daytona::CreateSandboxFromImageParams.new(image: 'debian', env_vars: { 'A' => 'b' }, os_user: 'me')
    assert_equal({ 'image' => 'debian', 'env' => { 'A' => 'b' }, 'user' => 'me' }, params.to_params)
  end

  def test_charts_are_of_the_official_classes
    chart = Daytona::Charts.parse_chart('type' => 'line', 'title' => 'T', 'x_label' => 'x',
                                        'elements' => [{ 'label' => 'a', 'points' => [[1, 2]] }])
    assert_kind_of Daytona::LineChart, chart
    assert_equal ['T', 'x', 'a', [[1, 2]]],
                 [chart.title, chart.x_label, chart.elements[0].label, chart.elements[0].points]
    pie = { 'type' => 'pie', 'elements' => [] }
    many = Daytona::Charts.parse_chart('type' => 'composite_chart', 'elements' => [pie])
    assert_kind_of Daytona::PieChart, many.elements[0]
  end

  def test_a_copy_of_an_image_has_steps_of_its_own
    base = Daytona::Image.base('debian:12').run_commands('echo base')
    base.dup.run_commands('echo copy')
    assert_equal "FROM debian:12\nRUN echo base\n", base.dockerfile
  end

  def test_times_are_sent_in_iso_8601
    query = Daytona::ListSandboxesQuery.new(created_at_after: Time.utc(2026, 1, 2, 3, 4, 5.5),
                                            last_activity_before: Date.new(2026, 1, 2))
    sent = Daytona::Compatible.fields(query)
    assert_equal '2026-01-02T03:04:05.500Z', sent['createdAtAfter']
    assert_match(/\A2026-01-02T00:00:00.000/, sent['lastEventBefore'])
  end

  def test_no_credential_is_shown_by_inspect
    key = 'dtn_secret'
    config = Daytona::Config.new(api_key: key, headers: { 'X-Key' => key },
                                 proxy: "http://user:#{key}@127.0.0.1:1", api_url: 'http://127.0.0.1:1')
    Daytona::Daytona.open(config) do |daytona|
      sandbox = daytona.attach('box')
      [config, daytona, sandbox, sandbox.process, sandbox.fs].each do |object|
        refute_includes object.inspect, key
        refute_includes PP.pp(object, +''), key
      end
      refute_includes assert_raises(NoMethodError) { daytona.nothing }.message, key
    end
  end

  def test_arguments_of_another_kind_are_invalid_before_anything_is_sent
    Daytona::Daytona.open(api_key: 'k', api_url: 'http://127.0.0.1:1') do |daytona|
      box = daytona.attach('box')
      [-> { daytona.create('python') }, -> { daytona.create([1]) }, -> { box.labels = 5 }, -> { box.labels = nil },
       -> { box.files.write('a', nil) }, -> { box.files.write('a', 5) }, -> { box.fs.upload_file(nil, 'a') },
       -> { box.fs.upload_file(5, 'a') }, -> { box.fs.upload_file_stream(nil, 'a') },
       -> { box.stop('60') }, -> { box.start(Float::INFINITY) }, -> { daytona.create({ timeout: '60' }) },
       -> { box.process.execute_session_command(session_id: 'a', req: 'echo') }].each do |mistake|
        assert_raises(Daytona::Sdk::InvalidArgumentError, &mistake)
      end
    end
  end

  def test_a_configuration_comes_from_arguments_the_environment_and_files
    Dir.mktmpdir do |directory|
      File.write("#{directory}/.env", "\ufeffDAYTONA_TARGET=eu # here\n" \
                                      "export DAYTONA_API_URL=\"https://one/api\"\nOTHER=\xe9\n")
      File.write("#{directory}/.env.local", "DAYTONA_API_URL='https://two/api'\n")
      saved = ENV.to_h.slice('DAYTONA_API_URL', 'DAYTONA_API_KEY', 'DAYTONA_TARGET')
      saved.each_key { |name| ENV.delete(name) }
      Dir.chdir(directory) do
        config = Daytona::Config.new(api_key: 'k')
        assert_equal %w[k https://two/api eu], [config.api_key, config.api_url, config.target]
        ENV['DAYTONA_TARGET'] = 'us'
        assert_equal 'us', Daytona::Config.new.target
        assert_raises(ArgumentError) { Daytona::Config.new(colour: 'red') }
        assert_raises(ArgumentError) { config.read_env('HOME') }
      end
    ensure
      ENV.delete('DAYTONA_TARGET')
      ENV.update(saved)
    end
  end
end
