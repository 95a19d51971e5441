-- Responses of filters, as one statistic of their activation maps.

-- response_values(statistic): every response, as one statistic of its activation map: 'maximum' or 'mean'.
create macro response_values(statistic) as table
select
    layer,
    filter,
    stimulus_id,
    case statistic
        when 'maximum' then maximum
        when 'mean' then mean
        else error('the statistic is ' || statistic || '; expected maximum or mean')
    end::double as response,
    maximum,
    mean
from responses;

-- known_filter(of_layer, number): the number of a filter of the layer, in one row: filter. Others are an error.
create macro known_filter(of_layer, number) as table
select case
    when number between 0 and filters - 1 then number
    else error('no filter ' || number || ' in ' || layer || '; expected 0 to ' || (filters - 1))
end as filter
from layers
where layer = of_layer;

-- filter_responses(of_layer, number, statistic): the responses of a single filter: stimulus_id, response.
create macro filter_responses(of_layer, number, statistic) as table
select stimulus_id, response
from response_values(statistic)
where layer = of_layer and filter = (from known_filter(of_layer, number));
