-- Population sparseness: how few filters of a layer account for the response to each stimulus.
--
-- The formula is that of lifetime sparseness, over the F filters of a layer instead of over stimuli:
--     (1 - (mean A)^2 / mean A^2) / (1 - 1 / F)
-- It is 0 if all filters respond alike, and 1 if one filter responds alone. There is no chance level: compare layers,
-- categories or networks. Population and lifetime sparseness need not agree.
--
-- Filters differ in scale. By default the filters with large responses dominate. $normalise = 'filter' first
-- normalises every filter to its own range (equation 1, over all stimuli of the set, labelled or not) and excludes
-- dead filters. The sparseness needs responses that are never negative, and is null otherwise. It is computed from
-- the responses themselves.
--
-- Source: Treves and Rolls (1991), doi 10.1088/0954-898X_2_4_004; Willmore and Tolhurst (2001),
-- doi 10.1080/net.12.3.255.270.
--
-- Parameters
--   $layer      varchar = null       {layers.layer}  one layer; all of them if null
--   $statistic  varchar = 'maximum'  {@statistics}   statistic of the activation map
--   $normalise  varchar = 'none'     {none, filter}  responses as they are, or in the range of each filter
-- Columns
--   layer        varchar  as the card names it, in the order of depth
--   stimulus_id  integer
--   category     varchar  null if unlabelled
--   filters      bigint   filters that were counted
--   sparseness   double   0 to 1; null if no filter responds, if one can be negative, or if there is only one
with ranged as (
    select
        layer,
        stimulus_id,
        response,
        min(response) over unit as lowest,
        max(response) over unit as highest
    from response_values($statistic)
    where $layer is null or layer = $layer
    window unit as (partition by layer, filter)
),
activity as (
    select
        layer,
        stimulus_id,
        case $normalise when 'filter' then (response - lowest) / (highest - lowest) else response end as response,
        $normalise = 'filter' or lowest >= 0 as is_positive
    from ranged
    where $normalise = 'none' or highest > lowest
),
moment as (
    select
        layer,
        stimulus_id,
        count(*) as filters,
        avg(response) as mean,
        var_pop(response) as variance,
        bool_and(is_positive) as is_positive
    from activity
    group by layer, stimulus_id
)
select
    m.layer,
    m.stimulus_id,
    l.category,
    m.filters::bigint as filters,
    case when m.is_positive
        then sparseness(m.mean, m.variance, m.filters)
    end as sparseness
from moment m
join layers y using (layer)
left join labels l using (stimulus_id)
order by y.position, m.stimulus_id
