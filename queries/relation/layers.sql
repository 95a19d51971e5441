-- Proportion of filters that are related to a numeric parameter of the stimuli, in every layer.
--
-- At which depth do responses follow a rating, a reaction time or an image property? A filter is related if the
-- absolute rank correlation of its responses with the parameter exceeds $threshold (see relation/filters, also for
-- $given). Without $threshold that is the critical value of a single filter, 1.96 / sqrt(n - 1), which one filter in
-- twenty exceeds by chance. `positive` and `negative` count the related filters whose responses increase and decrease
-- with the parameter. Pooling layers repeat the filters of the convolution below them, so the figure leaves them out.
--
-- The chance level is not the same in every permutation. All filters see the same stimuli and respond alike, so many
-- of them exceed the threshold together. `chance` is the mean proportion over permutations of the stimuli; the chance
-- band contains 95 % of the permutations. A proportion inside the band, or below it, is compatible with no relation:
-- `beyond_chance` is false. `strongest` is the correlation with the largest absolute value; `strongest_by_chance` is
-- what the largest of the layer exceeds in 5 % of the permutations. `significant` and `significant_fwe` count the
-- filters with q < 0.05 and with an FWE corrected p < 0.05, corrected for all layers. All of these need
-- `toolbox relate` for the same parameter, $given and statistic, and are null without it.
--
-- A trend over layers depends on the statistic: the maximum of a large map is less noisy than that of a small one, and
-- a layer with many filters has a larger maximum by chance. `ceiling` is the largest correlation that the noise of the
-- observations permits (relation/ceiling), if stimuli were observed repeatedly.
--
-- Source: Spearman (1904), doi 10.2307/1412159; Nichols and Holmes (2002), doi 10.1002/hbm.1058, for the largest
-- correlation; Freedman and Lane (1983), doi 10.2307/1391660, for permutations with something given.
--
-- Parameters
--   $parameter  varchar              {variables.variable}  numeric parameter, or measured property
--   $given      varchar = null                             what is held constant, separated by commas
--   $threshold  double  = null       {0 to 1}              a filter above it is related; null: the critical value
--   $statistic  varchar = 'maximum'  {@statistics}         statistic of the activation map
-- Columns
--   layer                varchar  as the card names it, in the order of depth
--   depth                double   of the layer in the network, 0 (first) to 1 (last)
--   n                    bigint   stimuli
--   filters              bigint   filters of the layer
--   related              bigint   filters whose absolute correlation exceeds the threshold
--   positive             bigint   related filters with a positive correlation
--   negative             bigint   related filters with a negative correlation
--   proportion           double   related / filters
--   chance               double   mean proportion over permutations
--   chance_low           double   lower end of the chance band
--   chance_high          double   upper end of the chance band
--   beyond_chance        boolean  whether the proportion is above the chance band; null where there is none
--   significant          bigint   filters with q < 0.05
--   significant_fwe      bigint   filters with an FWE corrected p < 0.05
--   mean_strength        double   mean absolute correlation of the layer's filters
--   strongest            double   correlation with the largest absolute value
--   strongest_filter     integer  its filter; of equal ones the first
--   strongest_by_chance  double   absolute correlation of the strongest filter that 5 % of the permutations exceed
--   ceiling              double   largest correlation that the noise of the observations permits; null without repeats
--   threshold            double   absolute correlation above which a filter is related
--   dead                 bigint   filters without a correlation
--   is_pool              boolean  whether it is a pooling layer, which the figure leaves out
with correlated as (
    select
        *,
        coalesce($threshold, critical_correlation(free)) as threshold,
        case when correlation is not null then
            row_number() over (partition by layer order by abs(correlation) desc nulls last, filter)
        end as strength_rank
    from filter_relations($parameter, $given, $statistic)
),
tested as (
    select * from relations t
    where t.parameter = $parameter and t.given = given_key($given) and t.statistic = $statistic
),
observed as (
    select
        c.layer,
        c.position,
        c.depth,
        c.is_pool,
        any_value(c.threshold) as threshold,
        any_value(c.n) as n,
        count(*) as filters,
        count(*) filter (abs(c.correlation) > c.threshold) as related,
        count(*) filter (c.correlation > c.threshold) as positive,
        count(*) filter (c.correlation < -c.threshold) as negative,
        avg(abs(c.correlation)) as mean_strength,
        any_value(c.correlation) filter (c.strength_rank = 1) as strongest,
        any_value(c.filter) filter (c.strength_rank = 1) as strongest_filter,
        count(*) filter (c.correlation is null) as dead,
        count(t.q) > 0 as is_tested,
        count(*) filter (t.q < 0.05) as significant,
        count(*) filter (t.p_fwe < 0.05) as significant_fwe
    from correlated c
    left join tested t using (layer, filter)
    group by c.layer, c.position, c.depth, c.is_pool
),
band as (
    select
        d.layer,
        avg(d.related) as chance,
        quantile_cont(d.related, [0.025, 0.975]) as permuted
    from relation_permutations d
    join observed o on o.layer = d.layer and abs(o.threshold - d.threshold) < 1e-9
    where d.parameter = $parameter and d.given = given_key($given) and d.statistic = $statistic
    group by d.layer
),
largest as (
    select layer, quantile_cont(strongest, 0.95) as strongest_by_chance
    from (
        select distinct d.layer, d.permutation, d.strongest
        from relation_permutations d
        where d.parameter = $parameter and d.given = given_key($given) and d.statistic = $statistic
    )
    group by layer
)
select
    o.layer,
    o.depth,
    o.n,
    o.filters,
    o.related,
    o.positive,
    o.negative,
    o.related / o.filters as proportion,
    b.chance / o.filters as chance,
    b.permuted[1] / o.filters as chance_low,
    b.permuted[2] / o.filters as chance_high,
    o.related > b.permuted[2] as beyond_chance,
    case when o.is_tested then o.significant end as significant,
    case when o.is_tested then o.significant_fwe end as significant_fwe,
    o.mean_strength,
    o.strongest,
    o.strongest_filter,
    l.strongest_by_chance,
    (select c.ceiling from noise_ceiling($parameter, 100, 0) c) as ceiling,
    o.threshold,
    o.dead,
    o.is_pool
from observed o
left join band b using (layer)
left join largest l using (layer)
order by o.position
