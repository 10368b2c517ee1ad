# frozen_string_literal: true

require_relative 'generated/records'
require_relative 'generated/structs'

module Daytona
  # What a command gave, with the official gem's artifacts.
  class ExecuteResponse < CodeRunResult
    # What it printed, and the charts that it drew.
    def artifacts = ExecutionArtifacts.new(result || '', Charts.list(self['artifacts']&.fetch('charts', nil) || []))

    # Fields that this version does not know.
    def additional_properties = to_h.except('exitCode', 'result', 'artifacts')
  end

  class ChartElement
    # As the official gem has it: an element that is a chart itself is one.
    def self.list(items) = (items || []).map { |item| item.key?('elements') ? Charts.parse_chart(item) : new(item) }
  end

  class Chart
    remove_method :elements

    def elements = ChartElement.list(self['elements'])
  end

  Chart2D = Class.new(Chart)
  PointChart = Class.new(Chart2D)
  LineChart = Class.new(PointChart)
  ScatterChart = Class.new(PointChart)
  BarChart = Class.new(Chart2D)
  PieChart = Class.new(Chart)
  BoxAndWhiskerChart = Class.new(Chart2D)
  CompositeChart = Class.new(Chart)

  # Charts by the classes that the official gem has for them.
  module Charts
    KINDS = {
      'line' => LineChart, 'scatter' => ScatterChart, 'bar' => BarChart, 'pie' => PieChart,
      'box_and_whisker' => BoxAndWhiskerChart, 'composite_chart' => CompositeChart
    }.freeze

    # The same names, as the official gem has them here too.
    %i[ChartType Chart ChartElement LineChart ScatterChart BarChart PieChart BoxAndWhiskerChart CompositeChart]
      .each { |name| const_set(name, ::Daytona.const_get(name)) }

    def self.parse_chart(chart) = KINDS.fetch(chart['type'], ::Daytona::Chart).new(chart.to_h)

    def self.list(items) = items.map { |fields| parse_chart(fields) }
  end

  # Answers in the form that the official gem gives them.
  module Answers
    class << self
      def execution(answer) = ExecuteResponse.new(answer)

      alias code_run execution

      def session_execution(answer)
        fields = SessionExecuteResponse.new(answer).to_h
        SessionExecuteResponse.new({ 'stdout' => '', 'stderr' => '' }.merge(fields) { |_, empty, text| text || empty })
      end

      def metrics(answer)
        values = SystemMetrics.new(answer)
        SandboxMetrics.new(**Tables::METRICS.values.to_h { |name| [name, values.public_send(name)] },
                           timestamp: SystemMetrics.time(values.timestamp))
      end

      # One object for each time, from one series for each metric.
      def metrics_by_time(series)
        times = Hash.new { |all, time| all[time] = Tables::METRICS.values.to_h { |name| [name, 0] } }
        series&.each do |one|
          name = Tables::METRICS[one.metric_name] or next
          one.data_points&.each { |point| times[MetricPoint.time(point.timestamp)][name] = point.value }
        end
        times.sort_by { |time, _| time.to_f }.map { |time, values| SandboxMetrics.new(**values, timestamp: time) }
      end
    end
  end
end
