-- Response contrast of every filter before and after an image property is partialled out.
--
-- If the images of a category are brighter than the others, a filter that responds to brightness looks selective for
-- the category. `adjusted` is the difference that remains between images of the same $property: of the analysis of
-- covariance with one slope for the category and for all other stimuli. A filter with a `contrast` above a threshold
-- whose `adjusted` is not above it may be selective for the property; one that stays above it is selective for
-- something else, too. It is no proof: another property may be behind it, and the slope is a straight line.
--
-- Where the category and the others hardly overlap in the property, the adjustment extrapolates, and its standard error
-- (in `t`) says so. Images without the property, or without a label, are left out of all columns.
--
-- Source: analysis of covariance: Cochran (1957), doi 10.2307/2527916.
--
-- Parameters
--   $property   varchar = 'luminance'  {property_values.property}  image property
--   $category   varchar = null         {labels.category}           the only category; all of them if null
--   $statistic  varchar = 'maximum'    {@statistics}               statistic of the activation map
-- Columns
--   layer     varchar  in the order of depth
--   filter    integer  number of the filter in its layer, from 0
--   category  varchar
--   n         bigint   stimuli of the category whose property is known
--   contrast  double   response contrast of these stimuli; null for a dead filter
--   adjusted  double   the same between stimuli of the same property; null where it is the same in each of both
--   slope     double   change of the normalised response with one standard deviation of the property
--   t         double   adjusted / its standard error, with stimuli - 3 degrees of freedom; null without a residual
with measured as (
    select
        p.stimulus_id,
        l.category,
        (p.value - avg(p.value) over ()) / nullif(stddev_pop(p.value) over (), 0) as property
    from property_values p
    join labels l using (stimulus_id)
    where p.property = $property and l.category is not null
),
cell as (
    select
        r.layer,
        r.filter,
        m.category,
        count(*)::bigint as n,
        avg(m.property) as x,
        avg(r.response) as y,
        count(*) * var_pop(m.property) as xx,
        count(*) * var_pop(r.response) as yy,
        count(*) * covar_pop(m.property, r.response) as xy,
        min(r.response) as lowest,
        max(r.response) as highest
    from response_values($statistic) r
    join measured m using (stimulus_id)
    group by r.layer, r.filter, m.category
),
centred as (
    select
        *,
        sum(n) over unit as all_n,
        sum(n * x) over unit / sum(n) over unit as all_x,
        sum(n * y) over unit / sum(n) over unit as all_y,
        max(highest) over unit - min(lowest) over unit as extent
    from cell
    window unit as (partition by layer, filter)
),
compared as (
    select
        layer,
        filter,
        category,
        n,
        all_n,
        nullif(extent, 0) as extent,
        n * (all_n - n) / all_n as weight,
        (x - all_x) * all_n / nullif(all_n - n, 0) as apart_x,
        (y - all_y) * all_n / nullif(all_n - n, 0) as apart_y,
        sum(xx + n * (x - all_x) ** 2) over unit as all_xx,
        sum(yy + n * (y - all_y) ** 2) over unit as all_yy,
        sum(xy + n * (x - all_x) * (y - all_y)) over unit as all_xy
    from centred
    window unit as (partition by layer, filter)
),
-- sums within the category and within the others: those of all, less what lies between the two
within_groups as (
    select
        *,
        greatest(all_xx - weight * apart_x ** 2, 0) as xx,
        greatest(all_yy - weight * apart_y ** 2, 0) as yy,
        all_xy - weight * apart_x * apart_y as xy
    from compared
),
fitted as (
    select
        *,
        case when xx > 1e-9 * all_xx then xy / xx end as slope
    from within_groups
),
adjusted as (
    select
        *,
        apart_y - slope * apart_x as difference,
        greatest(yy - slope * xy, 0) / nullif(all_n - 3, 0) * (1 / weight + apart_x ** 2 / xx) as error
    from fitted
)
select
    a.layer,
    a.filter,
    a.category,
    a.n,
    (a.apart_y / a.extent)::double as contrast,
    (a.difference / a.extent)::double as adjusted,
    (a.slope / a.extent)::double as slope,
    (a.difference / nullif(sqrt(a.error), 0))::double as t
from adjusted a
join layers y using (layer)
where $category is null or a.category = $category
order by y.position, a.filter, a.category
